"""Every way a grouped convolution is written in text form, and the near misses that a careless fuser takes."""

from __future__ import annotations

import pytest

from kgraph import fuse, parse
from kgraph.rewrite.patterns import grouped_convolution


def outcome(body: str, outputs: str = "y"):
    return fuse(parse(f'x = Input(shape=(8, 8, 8), name="x")\n{body}\nmodel = Model(x, {outputs})\n'))


def branches(slices: list[str], convs: list[str], concat: str = "Concatenate") -> str:
    lines: list[str] = []
    for number, (part, conv) in enumerate(zip(slices, convs, strict=True)):
        lines += [f"s{number} = {part}", f"c{number} = {conv.format(number)}(s{number})"]
    made = "ops.concatenate([{}], axis=-1)" if concat == "ops" else f'{concat}(name="y")([{{}}])'
    return "\n".join([*lines, "y = " + made.format(", ".join(f"c{number}" for number in range(len(slices))))])


HALVES = ["x[..., 0:4]", "x[..., 4:8]"]
CONV = 'Conv2D(4, 3, padding="same", name="c{}")'
QUARTERS = [f"x[..., {start}:{start + 2}]" for start in range(0, 8, 2)]
SMALL = 'Conv2D(2, 3, padding="same", name="c{}")'


@pytest.mark.parametrize(
    ("slices", "convs", "known"),
    [
        (HALVES, [CONV] * 2, "proved"),
        (QUARTERS, [SMALL] * 4, "proved"),
        (["Lambda(lambda t: t[..., :4])(x)", "Lambda(lambda t: t[..., 4:])(x)"], [CONV] * 2, "proved"),
        (["x[..., :-4]", "x[..., -4:]"], [CONV] * 2, "proved"),
        (["x[:, 0:8, :, 0:4]", "x[:, :, 0:8, 4:8]"], [CONV] * 2, "proved"),
        (["ops.take(x, (0, 1, 2, 3), axis=-1)", "ops.take(x, (4, 5, 6, 7), axis=3)"], [CONV] * 2, "proved"),
        (["x[..., 2:6][..., -4:]", "x[..., 4:8]"], [CONV] * 2, None),
        (["x[..., 0:6][..., 0:4]", "x[..., 2:8][..., 2:6]"], [CONV] * 2, "proved"),
    ],
)  # fmt: skip
def test_slices_are_fused(slices: list[str], convs: list[str], known: str | None) -> None:
    found = outcome(branches(slices, convs))
    if known is None:
        assert not found.applied
        return
    (fusion,) = found.applied
    assert (fusion.root, fusion.known, fusion.pattern) == ("y", known, "grouped-convolution")
    fused = found.graph.ops["y"]
    assert fused.kind == "layers.Conv2D"
    assert (fused.config["groups"], fused.config["filters"]) == (len(convs), 8)
    assert set(found.graph.ops) == {"x", "y"}
    assert not found.refused


def test_a_split_is_fused() -> None:
    found = outcome("a, b = ops.split(x, 2, axis=-1)\n" + branches(["a", "b"], [CONV] * 2).replace("s0 = a\n", "").replace("s1 = b\n", "").replace("(s0)", "(a)").replace("(s1)", "(b)"))  # fmt: skip
    assert found.graph.ops["y"].replaces == ("split", "c0", "c1", "y")
    assert found.weights["y"][0].layers == ("c0", "c1")


def test_an_operation_that_concatenates_is_an_anchor_too() -> None:
    assert outcome(branches(HALVES, [CONV] * 2, "ops")).applied


@pytest.mark.parametrize(
    ("kind", "shape", "conv", "slices"),
    [
        ("Conv1D", "(16, 8)", 'Conv1D(4, 3, padding="causal", name="c{}")', ["x[..., 0:4]", "x[..., 4:8]"]),
        ("Conv3D", "(4, 4, 4, 8)", 'Conv3D(4, (1, 3, 3), name="c{}")', ["x[..., 0:4]", "x[..., 4:8]"]),
        ("Conv2D", "(8, 6, 6)", 'Conv2D(4, 3, data_format="channels_first", name="c{}")', ["x[:, 0:4]", "x[:, 4:8]"]),
    ],
)
def test_other_ranks_and_orders(kind: str, shape: str, conv: str, slices: list[str]) -> None:
    body = branches(slices, [conv] * 2)
    if "first" in conv:
        body = body.replace('Concatenate(name="y")', 'Concatenate(axis=1, name="y")')
    found = fuse(parse(f"x = Input(shape={shape})\n{body}\nmodel = Model(x, y)\n"))
    assert found.graph.ops["y"].kind == f"layers.{kind}"
    assert found.graph.ops["y"].config["groups"] == 2


def test_groups_of_groups_add_up_and_biases_stand_side_by_side() -> None:
    found = outcome(branches(HALVES, ['Conv2D(4, 3, padding="same", groups=2, name="c{}")'] * 2))
    fused = found.graph.ops["y"]
    assert fused.config["groups"] == 4
    assert [(weight.name, weight.shape) for weight in fused.weights or ()] == [("kernel", (3, 3, 2, 8)), ("bias", (8,))]


NEAR_MISSES = {
    "stride": (HALVES, [CONV, 'Conv2D(4, 3, 1, padding="same", dilation_rate=2, name="c{}")'],
               "branch 1 (c1) has dilation_rate (2, 2), the other (1, 1)"),
    "one of four": (QUARTERS, [SMALL] * 3 + ['Conv2D(2, 5, padding="same", name="c{}")'],
                    "branch 3 (c3) has kernel_size (5, 5), the others (3, 3)"),
    "two of five": (["x[..., 0:2]", *QUARTERS], [SMALL] * 3 + ['Conv2D(2, 5, padding="same", name="c{}")'] * 2,
                    "branches differ in kernel_size: (3, 3) in most, (5, 5) in branch 3 (c3) and 1 more"),
    "activation": (HALVES, [CONV, CONV.replace("name", 'activation="relu", name')],
                   "branch 1 (c1) has activation relu, the other linear"),
    "softmax": (HALVES, [CONV.replace("name", 'activation="softmax", name')] * 2,
                "the activation softmax of c0 looks at more than one channel"),
    "bias": (HALVES, [CONV, CONV.replace("name", "use_bias=False, name")],
             "branch 1 (c1) has use_bias False, the other True"),
    "trainable": (HALVES, [CONV, CONV.replace("name", "trainable=False, name")],
                  "branch 1 (c1) has trainable False, the other True"),
    "regularizer": (HALVES, [CONV.replace("name", "kernel_regularizer=regularizers.L2(0.1), name")] * 2,
                    "c0 has the kernel_regularizer regularizers.L2(l2=0.1), which acts on each branch's weights alone"),
    "unheard of": (HALVES, [CONV, CONV.replace("name", "quantum=1, name")],
                   "branch 1 (c1) has quantum 1, the other None"),
    "permuted": (list(reversed(HALVES)), [CONV] * 2, "the branches read the channels in the order 4..7, 0..3, not 0..7"),
    "repeated": (["x[..., 0:4]"] * 2, [CONV] * 2, "all 2 branches read channels 0..3, and channels 4..7 are never read"),
    "overlap": (["x[..., 0:4]", "x[..., 3:7]"], [CONV] * 2,
                "channel 3 is read more than once and channel 7 is never read"),
    "gap": (["x[..., 0:3]", "x[..., 4:7]"], [CONV] * 2, "channels 3, 7 are never read"),
    "twice and never": ([QUARTERS[0], QUARTERS[1], QUARTERS[1], QUARTERS[3]], [SMALL] * 4,
                        "channels 2..3 are read more than once and channels 4..5 are never read"),
    "strided": (["x[..., 0::2]", "x[..., 1::2]"], [CONV] * 2,
                "the branches read the channels in the order 0..6 in steps of 2, 1..7 in steps of 2, not 0..7"),
    "uneven": (["x[..., 0:3]", "x[..., 3:8]"], [CONV] * 2, "branch 1 (c1) reads 5 channels, the others 3"),
    "whole": (["x[..., 0:4]", "x[..., 4:8]", "ops.relu(x)"], [CONV] * 3,
              "branch 2 (c2) reads s2, which is no slice; the others read slices"),
    "space": (["x[:, 0:4, 0:4]", "x[:, 0:4, 4:8]"], [CONV] * 2, None),
    "height": (["x[:, 0:4]", "x[:, 4:8]"], [CONV] * 2, "s0 slices axis 1, the channels are axis 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_misses_are_refused_with_the_reason(name: str) -> None:
    slices, convs, reason = NEAR_MISSES[name]
    found = outcome(branches(slices, convs))
    assert not found.applied
    assert [refusal.reason for refusal in found.refused] == ([reason] if reason else [])
    assert all(refusal.root == "y" and refusal.nodes for refusal in found.refused)


def refusal(body: str, outputs: str = "y") -> str:
    found = outcome(body, outputs)
    assert not found.applied
    (refused,) = found.refused
    return refused.reason


def test_shared_layers_are_refused() -> None:
    shared = 'conv = Conv2D(4, 3, padding="same", name="conv")\n'
    parts = "a = x[..., 0:4]\nb = x[..., 4:8]\n"
    assert refusal(shared + parts + "y = Concatenate()([conv(a), conv(b)])") == "all branches share one layer, conv"
    own = 'd = Conv2D(2, 3, padding="same", name="d")(x[..., 0:2])\ne = Conv2D(2, 3, padding="same", name="e")(x[..., 6:8])\n'
    tied = 'conv = Conv2D(2, 3, padding="same", name="conv")\nf = conv(x[..., 2:4])\ng = conv(x[..., 4:6])\n'
    assert refusal(own + tied + "y = Concatenate()([d, f, g, e])") == "branches conv and conv:1 share one layer, conv"
    body = (
        shared
        + parts
        + 'c = Conv2D(4, 3, padding="same", name="c")(b)\ny = Concatenate(name="y")([conv(a), c])\nz = conv(b)'
    )
    assert refusal(body, "[y, z]") == "the layer conv of branch conv is also called at conv:1"


def test_what_is_used_elsewhere_is_not_folded_away() -> None:
    body = branches(HALVES, [CONV] * 2)
    assert refusal(body, "[y, c1]") == "c1 is also an output of the model, so it cannot be folded away"
    assert refusal(f"{body}\nz = ops.relu(s0)", "[y, z]") == "s0 is also used by z, so it cannot be folded away"


def test_other_inputs_axes_and_sources_are_refused() -> None:
    body = branches(HALVES, [CONV] * 2)
    assert (
        refusal(body.replace("[c0, c1]", "[c0, c1, x]"))
        == "input 2 of y is x (layers.InputLayer), the others are convolutions"
    )
    assert refusal(body.replace("Concatenate(", "Concatenate(axis=1, ")) == "y joins axis 1, the channels are axis 3"
    other = body.replace("s1 = x[", "z = ops.relu(x)\ns1 = z[")
    assert refusal(other) == "branch 1 (c1) reads a slice of z, branch 0 of x"
    mixed = body.replace(
        'Conv2D(4, 3, padding="same", name="c1")', 'Conv2D(4, 3, padding="same", name="c1", dtype="float16")'
    )
    assert refusal(mixed) == "branch 1 (c1) has dtype float16, the other float32"


def test_a_constant_beside_the_branches_is_no_branch() -> None:
    body = branches(HALVES, [CONV] * 2, "ops").replace("[c0, c1]", '[c0, c1, constant("float32", (1, 8, 8, 2), "d")]')
    fact = "\"{'outputs': (((None, 8, 8, 10), 'float32'),)}\"\n"
    assert refusal(body.replace("y = ", fact + "y = ")) == "y joins a constant too"


def test_a_slice_that_casts_is_refused_unless_the_convolution_casts_the_same() -> None:
    halves = ['Lambda(lambda t: t[..., 0:4], dtype="float16")(x)', 'Lambda(lambda t: t[..., 4:8], dtype="float16")(x)']
    assert refusal(branches(halves, [CONV] * 2)) == "s0 also casts from float32 to float16"
    half = CONV.replace("name", 'dtype="float16", name')
    body = branches(halves, [half] * 2).replace("Concatenate(", 'Concatenate(dtype="float16", ')
    assert outcome(body).applied


def test_what_does_not_look_like_it_is_not_mentioned() -> None:
    inception = f"a = {CONV.format(0)}(x)\nb = {CONV.format(1)}(x)\ny = Concatenate()([a, b])"
    assert not outcome(inception).refused
    one = "a = x[..., 0:8]\n" + f"b = {CONV.format(0)}(a)\ny = Concatenate()([b])"
    assert not outcome(one).refused


def test_extra_weights_and_arguments_are_refused() -> None:
    lora = "\"{'weights': (('kernel', (3, 3, 4, 4), 'float32', True), ('lora_kernel_a', (1,), 'float32', True))}\"\n"
    body = branches(HALVES, [CONV] * 2).replace("c0 =", lora + "c0 =").replace("c1 =", lora + "c1 =")
    assert refusal(body) == "c0 has the weights kernel, lora_kernel_a, expected a kernel and a bias"
    masked = branches(HALVES, [CONV] * 2).replace("(s0)", "(s0, mask=True)").replace("(s1)", "(s1, mask=True)")
    assert refusal(masked) == "c0 is called with more than its input"


def test_unknown_weights_stay_unknown() -> None:
    unknown = "\"{'weights': None}\"\n"
    body = branches(HALVES, [CONV] * 2).replace("c0 =", unknown + "c0 =")
    assert outcome(body).graph.ops["y"].weights is None


def test_fusing_twice_changes_nothing() -> None:
    once = outcome(branches(HALVES, [CONV] * 2))
    again = fuse(once.graph)
    assert again.graph == once.graph
    assert not again.applied


def test_the_docstring_is_an_example() -> None:
    example, becomes = (
        "\n".join(line.strip() for line in part.strip().splitlines())
        for part in (grouped_convolution.__doc__ or "").partition("Example:")[2].split("Becomes:")
    )
    assert fuse(parse(example)).graph.equivalent(parse(becomes))
