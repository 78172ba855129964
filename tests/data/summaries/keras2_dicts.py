# a summary does not tell the model's outputs: the tensors that nothing reads are taken
# line 9: inner reads 2 tensors, in one call or in several, which is not told: one call is taken
'{"outputs": (((None, 4), "unknown"),)}'

x = Object("layers.InputLayer", batch_shape=(None, 4), name="x")()
'{"outputs": (((None, 4), "unknown"),)}'
y = Object("layers.InputLayer", batch_shape=(None, 4), name="y")()
'{"outputs": (((None, 2), "unknown"), ((None, 4), "unknown")), "weights": (("parameters", (10,), "unknown", True),)}'
inner_0, inner_1 = Object("models.Functional", name="inner")([x, y])
model = Model([x, y], [inner_0, inner_1], name="outer")
