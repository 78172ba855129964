# a summary does not tell the model's outputs: the tensors that nothing reads are taken
# line 11: heads reads 5 tensors, in one call or in several, which is not told: one call is taken
'{"outputs": (((None, 5, 8), "unknown"),)}'

q = Object("layers.InputLayer", batch_shape=(None, 5, 8), name="q")()
'{"outputs": (((None, 6, 8), "unknown"),)}'
v = Object("layers.InputLayer", batch_shape=(None, 6, 8), name="v")()
'{"outputs": (((None, 5, 6), "unknown"),)}'
mask = Object("layers.InputLayer", batch_shape=(None, 5, 6), name="mask")()
'{"outputs": (((None, 5, 8), "unknown"),), "weights": (("parameters", (288,), "unknown", True),)}'
heads = Object("layers.MultiHeadAttention", name="heads")([q, v, mask, q, v])
'{"outputs": (((None, 5, 8), "unknown"),), "weights": (("parameters", (288,), "unknown", True),)}'
self = Object("layers.MultiHeadAttention", name="self")([heads, heads, heads])
model = Model([q, v, mask], self, name="functional")
