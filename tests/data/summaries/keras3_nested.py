# a summary does not tell the model's outputs: the tensors that nothing reads are taken
# line 7: how the rows inside stack are connected is not told: it stays one call
'{"outputs": (((None, 8, 8, 3), "unknown"),)}'

x = Object("layers.InputLayer", batch_shape=(None, 8, 8, 3), name="x")()
stack_layer = Object("models.Sequential", name="stack")
'{"outputs": (((None, 144), "unknown"),), "weights": (("parameters", (128,), "unknown", True),)}'
stack = stack_layer(x)
'{"outputs": (((None, 144), "unknown"),)}'
stack_1 = stack_layer(x)
model = Model(x, [stack, stack_1], name="outer")
