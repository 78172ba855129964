# a summary does not tell the model's outputs: the tensors that nothing reads are taken
'{"outputs": (((None, 8, 6), "unknown"),)}'

x = Object("layers.InputLayer", batch_shape=(None, 8, 6), name="x")()
'{"layer": None, "outputs": (((None, 8, 2), "unknown"), ((None, 8, 2), "unknown"), ((None, 8, 2), "unknown")), "weights": ()}'
tf_split_0, tf_split_1, tf_split_2 = Custom("tf.split", name="tf.split")(x)
'{"layer": None, "outputs": (((None, 1, 1), "unknown"),), "weights": ()}'
tf_math_reduce_mean = Custom("tf.math.reduce_mean", name="tf.math.reduce_mean")(tf_split_2)
'{"layer": None, "outputs": (((None, 1), "unknown"),), "weights": ()}'
tf_compat_v1_squeeze = Custom("tf.compat.v1.squeeze", name="tf.compat.v1.squeeze")(tf_math_reduce_mean)
'{"layer": None, "outputs": (((None, 8, 2), "unknown"),), "weights": ()}'
tf_split_1_1 = Custom("tf.split", name="tf.split_1")(tf_split_0)
'{"id": "tf.__operators__.add"}'
tf___operators___add = ops.add(tf_split_1_1, tf_split_1)
'{"layer": None, "outputs": (((None, 16), "unknown"),), "weights": ()}'
tf_reshape = Custom("tf.reshape", name="tf.reshape")(tf___operators___add)
'{"id": "tf.math.subtract", "outputs": (((None, 16), "unknown"),)}'
tf_math_subtract = ops.subtract(tf_reshape, x2=Object("unknown"))
'{"id": "tf.math.maximum", "outputs": (((None, 16), "unknown"),)}'
tf_math_maximum = ops.maximum(tf_math_subtract, x2=Object("unknown"))
'{"id": "tf.math.truediv", "outputs": (((None, 16), "unknown"),)}'
tf_math_truediv = ops.true_divide(tf_compat_v1_squeeze, tf_math_maximum)
'{"layer": None, "outputs": (((None, 32), "unknown"),), "weights": ()}'
tf_concat = Custom("tf.concat", name="tf.concat")([tf_math_truediv, tf_math_subtract])
'{"layer": None, "outputs": (((None, 6, 8), "unknown"),), "weights": ()}'
tf_compat_v1_transpose = Custom("tf.compat.v1.transpose", name="tf.compat.v1.transpose")(x)
'{"layer": None, "outputs": (((None, 8), "unknown"),), "weights": ()}'
tf_math_argmax = Custom("tf.math.argmax", name="tf.math.argmax")(x)
model = Model(x, [tf_concat, tf_compat_v1_transpose, tf_math_argmax], name="model")
