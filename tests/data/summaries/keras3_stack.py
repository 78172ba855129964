# a summary does not tell the model's outputs: the tensors that nothing reads are taken
'{"outputs": (((None, 8), "unknown"),)}'

x = Object("layers.InputLayer", batch_shape=(None, 8), name="x")()
'{"id": "head/first", "outputs": (((None, 4), "unknown"),), "weights": (("parameters", (36,), "unknown", True),)}'
head_first = Object("layers.Dense", name="head_first")(x)
'{"id": "head/drop", "outputs": (((None, 4), "unknown"),), "weights": ()}'
head_drop = Object("layers.Dropout", name="head_drop")(head_first)
'{"outputs": (((None, 4), "unknown"),), "weights": (("parameters", (36,), "unknown", False),)}'
frozen = Object("layers.Dense", name="frozen")(x)
'{"outputs": (((None, 4), "unknown"),), "weights": ()}'
add = Object("layers.Add", name="add")([head_drop, frozen])
model = Model(x, add, name="stack")
