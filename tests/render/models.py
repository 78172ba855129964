"""Graphs to draw, built by hand: no Keras is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kgraph.findings import Finding, MergeInput, Report, Severity, Source, Verdict
from kgraph.findings import GraphSummary as Summary
from kgraph.graph import FrozenDict, Function, Graph, Op, Shape, Slice, Slot, Spec, Value, Weight, parameters

CARDINALITY = 32
STAGES = ((3, 128, 1), (4, 256, 2), (6, 512, 2), (3, 1024, 2))


@dataclass
class Builder:
    """Adds one call at a time; names are numbered as Keras numbers them."""

    ops: dict[str, Op] = field(default_factory=dict[str, Op])
    operands: dict[str, tuple[Value, ...]] = field(default_factory=dict[str, tuple[Value, ...]])
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def add(
        self,
        kind: str,
        *inputs: str | Value,
        shape: Shape = None,
        name: str | None = None,
        config: dict[str, Any] | None = None,
        arguments: dict[str, Any] | None = None,
        weights: Sequence[tuple[str, tuple[int, ...]]] | None = (),
        replaces: tuple[str, ...] = (),
        outputs: tuple[Spec, ...] | None = None,
    ) -> str:
        node = name if name is not None else self.fresh(kind)
        slots = tuple(Slot(index) for index in range(len(inputs)))
        tensors: dict[str, Any] = {"inputs": slots} if len(slots) > 1 else {"inputs": Slot(0)} if slots else {}
        self.ops[node] = Op(
            kind=kind,
            layer=node if kind.startswith("layers.") else None,
            config=FrozenDict(config or {}),
            arguments=FrozenDict({**tensors, **(arguments or {})}),
            weights=None
            if weights is None
            else tuple(Weight(label, size, "float32", not label.startswith("moving")) for label, size in weights),
            outputs=outputs or (Spec(shape, "float32"),),
            replaces=replaces,
        )
        self.operands[node] = tuple(Value(item) if isinstance(item, str) else item for item in inputs)
        return node

    def fresh(self, kind: str) -> str:
        stem = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "ReLU": "re_lu"}.get(
            kind.rpartition(".")[2], kind.rpartition(".")[2].lower()
        )
        number = self.counts.get(stem, 0)
        self.counts[stem] = number + 1
        return f"{stem}_{number}" if number else stem

    def graph(self, inputs: Sequence[str], outputs: Sequence[str | Value], name: str = "model") -> Graph:
        ends = tuple(Value(item) if isinstance(item, str) else item for item in outputs)
        return Graph(self.ops, self.operands, tuple(map(Value, inputs)), ends, name)

    def conv(self, x: str, side: int, channels: int, filters: int, **config: Any) -> str:
        size, groups, bias = config.get("kernel_size", (1, 1)), config.get("groups", 1), config.pop("bias", False)
        replaces = config.pop("replaces", ())
        weights = [("kernel", (*size, channels // groups, filters)), *([("bias", (filters,))] if bias else [])]
        settings = {"filters": filters, "kernel_size": (1, 1), "strides": (1, 1), "padding": "valid", "groups": 1}
        return self.add(
            "layers.Conv2D",
            x,
            shape=(None, side, side, filters),
            config={**settings, "activation": "linear", "use_bias": bias, **config},
            weights=weights,
            replaces=replaces,
        )

    def norm(self, x: str, side: int, channels: int) -> str:
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        return self.add(
            "layers.BatchNormalization",
            x,
            shape=(None, side, side, channels),
            config={"axis": -1, "momentum": 0.99, "epsilon": 1.001e-5},
            weights=[(name, (channels,)) for name in names],
        )

    def relu(self, x: str, side: int, channels: int) -> str:
        config = {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}
        return self.add("layers.ReLU", x, shape=(None, side, side, channels), config=config)


def resnext50(*, fused: bool = True, stages: Sequence[tuple[int, int, int]] = STAGES) -> Graph:
    """ResNeXt-50 32x4d; fused 177 nodes, unfused 1,201."""
    build = Builder()
    config = {"batch_shape": (None, 224, 224, 3), "dtype": "float32"}
    image = build.add("layers.InputLayer", shape=(None, 224, 224, 3), name="image", config=config)
    x = build.add("layers.ZeroPadding2D", image, shape=(None, 230, 230, 3), config={"padding": ((3, 3), (3, 3))})
    x = build.conv(x, 112, 3, 64, kernel_size=(7, 7), strides=(2, 2), bias=True)
    x = build.relu(build.norm(x, 112, 64), 112, 64)
    x = build.add("layers.ZeroPadding2D", x, shape=(None, 114, 114, 64), config={"padding": ((1, 1), (1, 1))})
    pool = {"pool_size": (3, 3), "strides": (2, 2), "padding": "valid"}
    x = build.add("layers.MaxPooling2D", x, shape=(None, 56, 56, 64), config=pool)
    side, channels = 56, 64
    for blocks, filters, stride in stages:
        for block in range(blocks):
            step = stride if block == 0 else 1
            x = _block(build, x, side, channels, filters, step, fused=fused)
            side, channels = side // step, 2 * filters
    x = build.add("layers.GlobalAveragePooling2D", x, shape=(None, channels), config={"keepdims": False})
    x = build.add(
        "layers.Dense",
        x,
        shape=(None, 1000),
        name="predictions",
        config={"units": 1000, "activation": "softmax", "use_bias": True},
        weights=[("kernel", (channels, 1000)), ("bias", (1000,))],
    )
    return build.graph([image], [x], "resnext50_getitem")


def _block(build: Builder, x: str, side: int, channels: int, filters: int, stride: int, *, fused: bool) -> str:
    shortcut, after = x, side // stride
    if channels != 2 * filters:
        shortcut = build.conv(x, after, channels, 2 * filters, strides=(stride, stride))
        shortcut = build.norm(shortcut, after, 2 * filters)
    x = build.conv(x, side, channels, filters)
    x = build.relu(build.norm(x, side, filters), side, filters)
    x = _grouped(build, x, side, filters, stride, fused=fused)
    x = build.relu(build.norm(x, after, filters), after, filters)
    x = build.norm(build.conv(x, after, filters, 2 * filters), after, 2 * filters)
    x = build.add("layers.Add", x, shortcut, shape=(None, after, after, 2 * filters))
    return build.relu(x, after, 2 * filters)


def _grouped(build: Builder, x: str, side: int, filters: int, stride: int, *, fused: bool) -> str:
    width, after = filters // CARDINALITY, side // stride
    config: dict[str, Any] = {"kernel_size": (3, 3), "strides": (stride, stride), "padding": "same"}
    slices = [build.fresh("ops.get_item") for _ in range(CARDINALITY)]
    if fused:
        branches = [build.fresh("layers.Conv2D") for _ in range(CARDINALITY)]
        root = build.fresh("layers.Concatenate")
        node = build.conv(x, after, filters, filters, groups=CARDINALITY, replaces=(*slices, *branches, root), **config)
        return _rename(build, node, root)
    parts: list[str] = []
    for number, name in enumerate(slices):
        key = (..., Slice(number * width, (number + 1) * width))
        shape = (None, side, side, width)
        part = build.add("ops.get_item", x, shape=shape, name=name, arguments={"key": key})
        parts.append(build.conv(part, after, width, width, **config))
    return build.add("layers.Concatenate", *parts, shape=(None, after, after, filters), config={"axis": -1})


def _rename(build: Builder, node: str, root: str) -> str:
    """A fused call keeps its root's id."""
    build.ops[root], build.operands[root] = build.ops.pop(node), build.operands.pop(node)
    return root


def verdict(node: str, kind: str = "layers.Add", verdict: str = "identical", **more: Any) -> Verdict:
    inputs = (MergeInput("left", ("B", 56, 56, 256)), MergeInput("right", ("B", 56, 56, 256)))
    why = more.pop("why", ("axis 1: 56, fixed by max_pooling2d", "axis 3: 256, fixed by conv2d_3 and conv2d_67"))
    return Verdict(node, kind, verdict, more.pop("known", "proved"), inputs, why, **more)


def finding(rule: str, severity: Severity, *nodes: str, message: str = "branches read the same slice") -> Finding:
    return Finding(rule, "late-binding", severity, message, nodes, "bind the loop variable as a default value")


def report(graph: Graph, merges: Sequence[Verdict] = (), findings: Sequence[Finding] = ()) -> Report:
    size = Summary(len(graph.ops), graph.edge_count, parameters(graph), (), ())
    return Report("0", Source(graph.name), size, merges=tuple(merges), findings=tuple(findings))


def proved(graph: Graph) -> Report:
    """All Adds identical."""
    return report(graph, [verdict(node) for node, op in graph.ops.items() if op.kind == "layers.Add"])


def troubled(graph: Graph) -> Report:
    """Every verdict and every severity somewhere in a fused ResNeXt-50."""
    adds = [node for node, op in graph.ops.items() if op.kind == "layers.Add"]
    norms = [node for node, op in graph.ops.items() if op.kind == "layers.BatchNormalization"]
    fused = [op.replaces[3] for op in graph.ops.values() if op.replaces]
    merges = [
        verdict(adds[0]),
        verdict(adds[1], verdict="broadcast", why=("axis 3 of operand 1 is 1, made so by conv2d_4",)),
        verdict(adds[2], verdict="conditional", condition="H % 32 == 0 and W % 32 == 0"),
        verdict(adds[3], verdict="unknown", known="unknown", why=("the size of custom layer crop is not known",)),
        verdict(adds[4], verdict="incompatible", why=("28 and 27 never meet",)),
        *map(verdict, adds[5:]),
    ]
    findings = [
        finding("KG201", Severity.ERROR, fused[0]),
        finding("KG201", Severity.ERROR, fused[1]),
        finding("KG105", Severity.ERROR, adds[4], message="shapes never fit"),
        finding("KG101", Severity.WARNING, adds[1], message="implicit broadcast"),
        finding("KG302", Severity.WARNING, norms[2], norms[3], message="follows an activation"),
        finding("KG501", Severity.INFO, "predictions", message="softmax in the model"),
        finding("KG101", Severity.WARNING, "predictions"),
        finding("KG201", Severity.ERROR, "no_such_node"),
    ]
    return report(graph, merges, findings)


def zoo() -> Graph:
    """One of each family, several inputs and outputs, unknown shapes and weights, a multigraph edge, a split."""
    build = Builder()
    tokens = build.add(
        "layers.InputLayer", name="tokens", outputs=(Spec((None, 128), "int32"),), config={"batch_shape": (None, 128)}
    )
    image = build.add("layers.InputLayer", name="image", shape=(None, None, None, 3))
    fixed = build.add("layers.InputLayer", name="fixed", shape=(8, 16))
    config: dict[str, Any] = {"input_dim": 30000, "output_dim": 256}
    e = build.add("layers.Embedding", tokens, shape=(None, 128, 256), config=config, weights=[("table", (30000, 256))])
    a = build.add(
        "layers.MultiHeadAttention", e, e, shape=(None, 128, 256), config={"num_heads": 8, "key_dim": 32}, weights=None
    )
    a = build.add("layers.Dropout", a, shape=(None, 128, 256), config={"rate": 0.1})
    a = build.add("layers.Add", e, a, shape=(None, 128, 256), name="residual")
    a = build.add("layers.LayerNormalization", a, shape=(None, 128, 256), config={"axis": -1, "epsilon": 1e-6})
    a = build.add("layers.LSTM", a, shape=(None, 64), config={"units": 64, "return_sequences": False})
    square = {"filters": 32, "kernel_size": (3, 5), "strides": (2, 1), "padding": "same", "dilation_rate": (1, 1)}
    i = build.add("layers.Conv2D", image, shape=(None, None, None, 32), config={**square, "activation": "gelu"})
    halves = (Spec((None, None, None, 16), "float32"),) * 2
    s = build.add("ops.split", i, outputs=halves, arguments={"indices_or_sections": 2, "axis": -1})
    product = build.add("ops.multiply", Value(s, 0), Value(s, 1), shape=(None, None, None, 16))
    lam = build.add(
        "layers.Lambda",
        product,
        shape=(None, None, None, 8),
        config={"function": Function("d1", (..., Slice(0, 8)), "proved")},
    )
    opaque = build.add(
        "layers.Lambda", lam, shape=None, config={"function": Function("d2", note="calls tf.py_function")}
    )
    own = build.add(
        "custom.my_package.layers.SqueezeExcite", opaque, shape=None, weights=None, config={"ratio": 16, "gate": "hard"}
    )
    up = build.add(
        "layers.UpSampling2D", own, shape=(None, None, None, 8), config={"size": (2, 2), "interpolation": "bilinear"}
    )
    pad = build.add("layers.ZeroPadding2D", up, shape=(None, None, None, 8), config={"padding": ((0, 1), (0, 1))})
    mean = build.add("ops.mean", pad, shape=(None, 8), arguments={"axis": (1, 2), "keepdims": False})
    both = build.add("ops.add", mean, mean, shape=(None, 8))
    f = build.add("ops.reshape", fixed, shape=(128,), arguments={"newshape": (128,)})
    total = build.add("ops.sum", f, shape=())
    joined = build.add("layers.Concatenate", a, both, shape=(None, 72), config={"axis": -1})
    out = build.add(
        "layers.Dense", joined, shape=(None, 10), config={"units": 10, "activation": "softmax"}, weights=None
    )
    ends: list[str | Value] = [out, total, Value(s, 1)]
    return build.graph([tokens, image, fixed], ends, "zoo of layers")


HOSTILE = (
    '<b>bold</b> & "quoted" \\N \\l {a|<p> b}',
    "emoji 🦊👩‍👩‍👧‍👦 and 漢字仮名",
    "مرحبا بالعالم שלום עולם",
    "line one\nline two\r\n\ttabbed",
    "control \x00 \x07 \x1b ￾ \ud800 end",
    "long " * 2000,
    "n1:port",
    "]]> &amp; &#0; <!-- -->",
    "\u202eright to left override",
    "e\u0301\u0301\u0301 combining \u200b zero width",
    "W" * 60,
)


def hostile(names: Sequence[str] = HOSTILE) -> Graph:
    """A chain in which everything that can be named has a hostile name."""
    build = Builder()
    first = last = build.add("layers.InputLayer", shape=(None, 4), name="image")
    for number, name in enumerate(names):
        kind = f"custom.{name}.{name}" if number % 2 else "layers.Dense"
        last = build.add(kind, last, shape=(None, 4), name=name or "empty", config={"activation": name, name: name})
    return build.graph([first], [last], names[0])


def chain(length: int) -> Graph:
    build = Builder()
    first = last = build.add("layers.InputLayer", shape=(None, 4), name="image")
    for number in range(length):
        last = build.add("layers.ReLU", last, shape=(None, 4), name=f"relu_{number}")
    return build.graph([first], [last], "chain")
