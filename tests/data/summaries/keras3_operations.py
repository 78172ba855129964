# a summary does not tell the model's outputs: the tensors that nothing reads are taken
'{"outputs": (((None, 8, 6), "unknown"),)}'

x = Object("layers.InputLayer", batch_shape=(None, 8, 6), name="x")()
'{"outputs": (((None, 8, 2), "unknown"), ((None, 8, 2), "unknown"), ((None, 8, 2), "unknown"))}'
split_0, split_1, split_2 = ops.split(x, indices_or_sections=Object("unknown"), axis=Object("unknown"))
'{"outputs": (((None, 1, 1), "unknown"),)}'
mean = ops.mean(split_2, axis=Object("unknown"), keepdims=Object("unknown"))
'{"outputs": (((None, 1), "unknown"),)}'
squeeze = ops.squeeze(mean, axis=Object("unknown"))
'{"outputs": (((None, 8, 2), "unknown"),)}'
(split_1_0,) = ops.split(split_0, indices_or_sections=Object("unknown"), axis=Object("unknown"))
'{"outputs": (((None, 8, 2), "unknown"),), "weights": ()}'
add = Object("layers.Add", name="add")([split_1_0, split_1])
'{"outputs": (((None, 16), "unknown"),), "weights": ()}'
reshape = Object("layers.Reshape", name="reshape")(add)
'{"outputs": (((None, 16), "unknown"),)}'
subtract = ops.subtract(reshape, x2=Object("unknown"))
'{"outputs": (((None, 16), "unknown"),)}'
maximum = ops.maximum(subtract, x2=Object("unknown"))
'{"outputs": (((None, 16), "unknown"),)}'
true_divide = ops.true_divide(squeeze, maximum)
'{"outputs": (((None, 32), "unknown"),)}'
concatenate = Object("layers.Concatenate", axis=1, name="concatenate")([true_divide, subtract])
'{"outputs": (((None, 6, 8), "unknown"),)}'
transpose = ops.transpose(x, axes=Object("unknown"))
'{"outputs": (((None, 8), "unknown"),)}'
argmax = ops.argmax(x, axis=Object("unknown"), keepdims=Object("unknown"))
model = Model(x, [concatenate, transpose, argmax], name="functional")
