# a summary does not tell the model's outputs: the tensors that nothing reads are taken
'{"outputs": (((None, 4), "unknown"),)}'

a = Object("layers.InputLayer", batch_shape=(None, 4), name="a")()
'{"outputs": (((None, 4), "unknown"),)}'
b = Object("layers.InputLayer", batch_shape=(None, 4), name="b")()
'{"outputs": (((None, 4), "unknown"),), "weights": ()}'
sum = Object("layers.Add", name="sum")([a, b])
'{"outputs": (((None, 2), "unknown"),), "weights": (("parameters", (10,), "unknown", True),)}'
left = Object("layers.Dense", name="left")(sum)
'{"outputs": (((None, 3), "unknown"),), "weights": (("parameters", (15,), "unknown", True),)}'
right = Object("layers.Dense", name="right")(sum)
model = Model([a, b], [left, right], name="functional")
