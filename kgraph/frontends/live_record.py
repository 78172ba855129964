"""How Keras records calls, in Keras 3 (``Operation``, ``Node.arguments``) and in Keras 2 (``Node.layer``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from kgraph.frontends.live_arguments import tensors

Key = tuple[int, int]
"""A symbolic tensor: the id of the node that made it, and which output of it."""


def caller(node: Any) -> Any:
    """The operation or layer that a node calls."""
    return node.operation if hasattr(node, "operation") else node.layer


def entering(node: Any) -> list[Any]:
    """The symbolic tensors that enter a node."""
    return node.arguments.keras_tensors if hasattr(node, "arguments") else node.keras_inputs


def producer(tensor: Any) -> Any:
    """The node that made a tensor; the tensor itself where there is none."""
    operation, index, _ = tensor._keras_history
    return tensor if operation is None else operation._inbound_nodes[index]


def key(tensor: Any) -> Key:
    """What tells one tensor from another."""
    return id(producer(tensor)), tensor._keras_history[2]


def in_order(inputs: Any, outputs: Any) -> list[Any]:
    """The nodes above the outputs, depth first, down to the declared inputs."""
    declared = {key(tensor) for tensor in tensors(inputs)}
    order: list[Any] = []
    done: set[int] = set()
    for output in tensors(outputs):
        stack = [] if key(output) in declared else [producer(output)]
        while stack:
            node = stack[-1]
            if id(node) in done:
                stack.pop()
                continue
            parents = [(producer(tensor), tensor) for tensor in entering(node)]
            waiting = [parent for parent, tensor in parents if id(parent) not in done and key(tensor) not in declared]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            done.add(id(stack.pop()))
            order.append(node)
    return order


def repeated(order: list[Any]) -> dict[int, int]:
    """By node, which call of its layer it is among these: in the order in which they were made."""
    nodes: defaultdict[int, list[Any]] = defaultdict(list)
    for node in order:
        nodes[id(caller(node))].append(node)
    found: dict[int, int] = {}
    for calls in nodes.values():
        if len(calls) > 1:
            places = {id(node): place for place, node in enumerate(caller(calls[0])._inbound_nodes)}
            calls.sort(key=lambda node: places[id(node)])
            found.update({id(node): number for number, node in enumerate(calls)})
    return found


def inside_out(root: Any, inner: Callable[[Any], list[Any]]) -> Iterator[Any]:
    """A model after all that are nested in it, each once; without recursion, as they nest deeply."""
    done: set[int] = set()
    found: dict[int, list[Any]] = {}
    stack = [root]
    while stack:
        model = stack[-1]
        if id(model) in done:
            stack.pop()
            continue
        if id(model) not in found:
            found[id(model)] = inner(model)
        waiting = [each for each in found[id(model)] if id(each) not in done]
        if waiting:
            stack.extend(waiting)
            continue
        done.add(id(stack.pop()))
        yield model
