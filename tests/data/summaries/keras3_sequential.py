# the table has no column 'Connected to': each row is taken to read the row above
# the summary does not show the input of the model: its shape is unknown
'{"outputs": ((None, "unknown"),)}'

input = Object("layers.InputLayer", batch_shape=None, name="input")()
'{"outputs": (((None, 4), "unknown"),), "weights": (("parameters", (36,), "unknown", True),)}'
first = Object("layers.Dense", name="first")(input)
'{"outputs": (((None, 2), "unknown"),), "weights": (("parameters", (10,), "unknown", True),)}'
second = Object("layers.Dense", name="second")(first)
model = Model(input, second, name="stack")
