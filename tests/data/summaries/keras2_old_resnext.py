# a summary does not tell the model's outputs: the tensors that nothing reads are taken
# what 6 calls in 2 groups (lambda ... lambda_5) select is not told: they are assumed to be slices in order, as all around them fits
'{"outputs": (((None, 16, 16, 3), "unknown"),)}'

image = Object("layers.InputLayer", batch_shape=(None, 16, 16, 3), name="image")()
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": (("parameters", (48,), "unknown", True),)}'
stem = Object("layers.Conv2D", name="stem")(image)
'{"outputs": (((None, 16, 16, 6), "unknown"),), "weights": (("parameters", (78,), "unknown", True),)}'
b0_reduce = Object("layers.Conv2D", name="b0_reduce")(stem)
'{"outputs": (((None, 16, 16, 6), "unknown"),), "weights": (("parameters", (24,), "unknown", True),)}'
b0_norm = Object("layers.BatchNormalization", name="b0_norm")(b0_reduce)
'{"outputs": (((None, 16, 16, 6), "unknown"),), "weights": ()}'
b0_relu = Object("layers.ReLU", name="b0_relu")(b0_norm)
'{"outputs": (((None, 16, 16, 2), "unknown"),), "function": {"digest": "", "known": "assumed", "note": "a summary does not show what it selects"}}'
n_lambda = Object("layers.Lambda", function=lambda t: t[..., 0:2], name="lambda")(b0_relu)
'{"outputs": (((None, 16, 16, 2), "unknown"),), "weights": (("parameters", (36,), "unknown", True),)}'
b0_g0 = Object("layers.Conv2D", name="b0_g0")(n_lambda)
'{"outputs": (((None, 16, 16, 2), "unknown"),), "function": {"digest": "", "known": "assumed", "note": "a summary does not show what it selects"}}'
lambda_1 = Object("layers.Lambda", function=lambda t: t[..., 2:4], name="lambda_1")(b0_relu)
'{"outputs": (((None, 16, 16, 2), "unknown"),), "weights": (("parameters", (36,), "unknown", True),)}'
b0_g1 = Object("layers.Conv2D", name="b0_g1")(lambda_1)
'{"outputs": (((None, 16, 16, 2), "unknown"),), "function": {"digest": "", "known": "assumed", "note": "a summary does not show what it selects"}}'
lambda_2 = Object("layers.Lambda", function=lambda t: t[..., 4:6], name="lambda_2")(b0_relu)
'{"outputs": (((None, 16, 16, 2), "unknown"),), "weights": (("parameters", (36,), "unknown", True),)}'
b0_g2 = Object("layers.Conv2D", name="b0_g2")(lambda_2)
'{"outputs": (((None, 16, 16, 6), "unknown"),)}'
b0_concat = Object("layers.Concatenate", axis=3, name="b0_concat")([b0_g0, b0_g1, b0_g2])
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": (("parameters", (84,), "unknown", True),)}'
b0_expand = Object("layers.Conv2D", name="b0_expand")(b0_concat)
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": (("parameters", (156,), "unknown", True),)}'
b0_project = Object("layers.Conv2D", name="b0_project")(stem)
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": (("parameters", (48,), "unknown", True),)}'
b0_project_norm = Object("layers.BatchNormalization", name="b0_project_norm")(b0_project)
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": ()}'
b0_add = Object("layers.Add", name="b0_add")([b0_expand, b0_project_norm])
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": (("parameters", (156,), "unknown", True),)}'
b1_reduce = Object("layers.Conv2D", name="b1_reduce")(b0_add)
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": (("parameters", (48,), "unknown", True),)}'
b1_norm = Object("layers.BatchNormalization", name="b1_norm")(b1_reduce)
'{"outputs": (((None, 16, 16, 12), "unknown"),), "weights": ()}'
b1_relu = Object("layers.ReLU", name="b1_relu")(b1_norm)
'{"outputs": (((None, 16, 16, 4), "unknown"),), "function": {"digest": "", "known": "assumed", "note": "a summary does not show what it selects"}}'
lambda_3 = Object("layers.Lambda", function=lambda t: t[..., 0:4], name="lambda_3")(b1_relu)
'{"outputs": (((None, 8, 8, 4), "unknown"),), "weights": (("parameters", (144,), "unknown", True),)}'
b1_g0 = Object("layers.Conv2D", name="b1_g0")(lambda_3)
'{"outputs": (((None, 16, 16, 4), "unknown"),), "function": {"digest": "", "known": "assumed", "note": "a summary does not show what it selects"}}'
lambda_4 = Object("layers.Lambda", function=lambda t: t[..., 4:8], name="lambda_4")(b1_relu)
'{"outputs": (((None, 8, 8, 4), "unknown"),), "weights": (("parameters", (144,), "unknown", True),)}'
b1_g1 = Object("layers.Conv2D", name="b1_g1")(lambda_4)
'{"outputs": (((None, 16, 16, 4), "unknown"),), "function": {"digest": "", "known": "assumed", "note": "a summary does not show what it selects"}}'
lambda_5 = Object("layers.Lambda", function=lambda t: t[..., 8:12], name="lambda_5")(b1_relu)
'{"outputs": (((None, 8, 8, 4), "unknown"),), "weights": (("parameters", (144,), "unknown", True),)}'
b1_g2 = Object("layers.Conv2D", name="b1_g2")(lambda_5)
'{"outputs": (((None, 8, 8, 12), "unknown"),)}'
b1_concat = Object("layers.Concatenate", axis=3, name="b1_concat")([b1_g0, b1_g1, b1_g2])
'{"outputs": (((None, 8, 8, 24), "unknown"),), "weights": (("parameters", (312,), "unknown", True),)}'
b1_expand = Object("layers.Conv2D", name="b1_expand")(b1_concat)
'{"outputs": (((None, 8, 8, 24), "unknown"),), "weights": (("parameters", (312,), "unknown", True),)}'
b1_project = Object("layers.Conv2D", name="b1_project")(b0_add)
'{"outputs": (((None, 8, 8, 24), "unknown"),), "weights": (("parameters", (96,), "unknown", True),)}'
b1_project_norm = Object("layers.BatchNormalization", name="b1_project_norm")(b1_project)
'{"outputs": (((None, 8, 8, 24), "unknown"),), "weights": ()}'
b1_add = Object("layers.Add", name="b1_add")([b1_expand, b1_project_norm])
model = Model(image, b1_add, name="resnext")
