"""A zoo of merges, as models in the text form: every verdict, with strides, crops, products, floors and maxima."""

from __future__ import annotations

IMAGE = 'x = Input(shape=(None, None, 8), name="x")\n'
PAIR = 'x = Input(shape=(None, 8), name="x")\nv = Input(shape=(None, 8), name="v")\n'
TABLE = 'x = Input(shape=(4, 5), name="x")\nv = Input(shape=(5,), name="v")\n'
OPAQUE = '"{\'outputs\': (((None, None, None, 8), \'float32\'),)}"\no = Custom("shop.Thing", name="o")(x)\n'

RESIDUAL = """
c = Conv2D(16, 1, strides=2, name="c")(x)
d = MaxPooling2D(2, padding="same", name="d")(x)
e = Conv2D(16, 3, padding="same", name="e")(d)
y = Add(name="y")([c, e])
"""
UNET = """
a = Conv2D(8, 3, padding="same", name="a")(x)
p = MaxPooling2D(2, name="p")(a)
q = MaxPooling2D(2, name="q")(p)
u = UpSampling2D(2, name="u")(q)
y = Add(name="y")([u, p])
w = UpSampling2D(2, name="w")(y)
z = Add(name="z")([w, a])
"""
VALID_UNET = """
a = Conv2D(8, 3, name="a")(x)
p = MaxPooling2D(2, name="p")(a)
b = Conv2D(8, 3, name="b")(p)
u = Conv2DTranspose(8, 2, strides=2, name="u")(b)
k = Cropping2D(2, name="k")(a)
y = Add(name="y")([u, k])
"""
ROUND = """
s = Conv2D(8, 1, strides=3, name="s")(x)
t = Conv2D(8, 1, strides=2, name="t")(s)
r = AveragePooling2D(6, padding="same", name="r")(x)
y = Add(name="y")([t, r])
"""

ZOO: dict[str, tuple[str, str]] = {
    "shortcut": (IMAGE + 'y = Add(name="y")([x, ReLU()(x)])', "identical"),
    "itself": (IMAGE + 'y = Add(name="y")([x, x])', "identical"),
    "residual of two strides": (IMAGE + RESIDUAL, "identical"),
    "strides 3 and 2 are 6": (IMAGE + ROUND, "identical"),
    "padded and cropped": (
        IMAGE + 'y = Add(name="y")([Cropping2D(1)(ZeroPadding2D(1, name="p")(x)), x])', "identical"
    ),
    "cropped alike": (IMAGE + 'y = Add(name="y")([Cropping2D(1)(x), x[:, 1:-1, 1:-1]])', "identical"),
    "valid convolutions": (
        IMAGE + 'y = Add(name="y")([Conv2D(8, 5)(x), Conv2D(8, 3)(Conv2D(8, 3)(x))])', "identical"
    ),
    "dilated": (IMAGE + 'y = Add(name="y")([Conv2D(8, 3, dilation_rate=2)(x), Conv2D(8, 5)(x)])', "identical"),
    "joined": (
        IMAGE + 'y = Add(name="y")([Concatenate(axis=1)([x, x]), UpSampling2D((2, 1))(x)])', "identical"
    ),
    "flattened": (
        IMAGE + 'y = Subtract(name="y")([Reshape((-1, 8))(x), Reshape((-1, 8))(Permute((2, 1, 3))(x))])', "identical"
    ),
    "tied by an add": (PAIR + 'm = Dot(axes=1)([x, v])\ny = Add(name="y")([x, ReLU()(v)])\nz = y + x\n', "conditional"),
    "depth two": (IMAGE + UNET, "conditional"),
    "valid padding": (IMAGE + VALID_UNET, "conditional"),
    "pool and up": (IMAGE + 'y = Add(name="y")([UpSampling2D(4)(MaxPooling2D(4)(x)), x])', "conditional"),
    "same pool and up": (
        IMAGE + 'y = Add(name="y")([UpSampling2D(2)(MaxPooling2D(2, padding="same")(x)), x])', "conditional"
    ),
    "transposed": (
        IMAGE + 'y = Add(name="y")([Conv2DTranspose(8, 3, strides=2)(Conv2D(8, 3, strides=2)(x)), x])', "conditional"
    ),
    "turned": (IMAGE + 'y = Add(name="y")([Permute((2, 1, 3))(x), x])', "conditional"),
    "turned and halved": (
        IMAGE + 'y = Add(name="y")([Permute((2, 1, 3))(x[:, ::2]), x[:, :, ::2]])', "conditional"
    ),
    "sliced": (IMAGE + 'y = Add(name="y")([x[:, :9], x[:, :7]])', "conditional"),
    "two inputs": (PAIR + 'y = Add(name="y")([x, v])', "conditional"),
    "two inputs by an operator": (PAIR + "y = x + v", "conditional"),
    "three inputs": (
        PAIR + 'w = Input(shape=(None, 8), name="w")\ny = Maximum(name="y")([x, v, w])', "conditional"
    ),
    "windows of two inputs": (
        PAIR + 'y = Add(name="y")([MaxPooling1D(2)(x), AveragePooling1D(3, strides=2, padding="same")(v)])',
        "conditional",
    ),
    "a fixed size": (
        PAIR + 'f = Input(shape=(16, 8), name="f")\ny = Add(name="y")([UpSampling1D(2)(x), f])', "conditional"
    ),
    "one more": (IMAGE + 'y = Add(name="y")([Conv2D(8, 3)(x), Conv2D(8, 2)(x)])', "broadcast"),
    "gate": (IMAGE + 'y = Multiply(name="y")([x, GlobalMaxPooling2D(keepdims=True)(x)])', "broadcast"),
    "vector": (IMAGE + 'v = Input(shape=(8,), name="v")\ny = Add(name="y")([x, v])', "broadcast"),
    "batch on an axis": (TABLE + "y = x + v", "broadcast"),
    "layers keep the batch": (TABLE + 'y = Add(name="y")([x, v])', "broadcast"),
    "outer difference": (
        'x = Input(shape=(1,), name="x")\nv = Input(batch_shape=(None,), name="v")\ny = x - v', "broadcast"
    ),
    "never": (IMAGE + 'y = Add(name="y")([UpSampling2D(2)(x), Conv2D(8, 3)(ZeroPadding2D(9)(UpSampling2D(2)(x)))])',
              "incompatible"),
    "even and odd": (
        IMAGE + 'a = UpSampling2D(2)(ZeroPadding2D(1)(x))\nb = ZeroPadding2D(((2, 1), (0, 0)))(UpSampling2D(2)(x))\n'
        'y = Add(name="y")([a[:, :, 2:-2], b])', "incompatible",
    ),
    "nobody knows": (IMAGE + OPAQUE + 'y = Add(name="y")([x, o])', "unknown"),
    "half of nobody knows": (
        IMAGE + OPAQUE + 'y = Add(name="y")([Conv2D(8, 1, strides=2)(o), Cropping2D(1)(o)])', "unknown"
    ),
    "not the batch": (TABLE + 'y = Add(name="y")([ops.reshape(x, newshape=(-1, 5)), v])', "broadcast"),
    "larger of the two": (
        PAIR + "m = x + v\ny = Add(name='y')([m, MaxPooling1D(2)(UpSampling1D(2)(m))])", "identical"
    ),
    "area": (
        IMAGE + 'y = Add(name="y")([Reshape((-1, 8))(MaxPooling2D(2)(x)), Reshape((-1, 8))(Conv2D(8, 2, strides=2)(x))])',
        "identical",
    ),
    "twice the area": (
        IMAGE + 'r = Reshape((-1, 8))(x)\ny = Add(name="y")([Reshape((-1, 4))(r), UpSampling1D(2)(Conv1D(4, 1)(r))])',
        "identical",
    ),
    "odd names": (
        'a = Input(shape=(None, 8), name="a) (b\\n|")\nb = Input(shape=(None, 8), name="H and W")\n'
        'y = Add(name="y\\n(exit)")([a, b])', "conditional",
    ),
}  # fmt: skip
"""By what it shows: the text without its last line, and the verdict on the last merge."""


def model(text: str) -> str:
    """The whole text: the inputs are those that it names, the outputs all that nothing uses."""
    import ast

    body = ast.parse(text).body
    made: dict[str, ast.expr] = {
        statement.targets[0].id: statement.value
        for statement in body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }
    read = {node.id for value in made.values() for node in ast.walk(value) if isinstance(node, ast.Name)}
    inputs = [name for name, value in made.items() if ast.unparse(value).startswith("Input(")]
    outputs = [name for name in made if name not in read]
    return f"{text}\nmodel = Model([{', '.join(inputs)}], [{', '.join(outputs)}])"
