"""How many faults of a runtime the conformance cases notice: ours, and ONNX's own beside them.

``python -m benchmarks.conformance_damage [--faults 200] [--seed 0] [--opset 17]`` from the root of
the repository, with the extra ``dev`` installed.

A fake runtime computes what the formulas do, but for one fault: an operator, a kind and a variant,
drawn by seed over all operators of the default list that the kind can befall. A fault is noticed
where any case of that operator has another output, by the tolerances of a real run. The kinds:

- a flipped kernel: one spatial axis of it mirrored, or two axes exchanged;
- a wrong axis: the next one, the one before, the first or the last instead; lists of axes, strides,
  pads or scales in reverse order; a matrix taken transposed;
- the group ignored: every group computed from the channels of one;
- the dilation ignored;
- rounding half up: towards infinity, or away from zero, where it is to even, down or towards zero;
- a dtype that wraps: integers cut to half of their bits, or read with the other sign; saturation
  left out;
- a broadcast the wrong way: an operand aligned at the left, or its elements repeated in turn.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import defs

from onnxguard.conformance.cases import schema_version
from onnxguard.conformance.comparison import Tolerance, compare, fixed
from onnxguard.conformance.evaluators import check
from onnxguard.conformance.formulas import NoFormulaError, evaluate
from onnxguard.conformance.formulas.node import FORMULAS, Node
from onnxguard.conformance.known import RANDOM_CASES
from onnxguard.conformance.official import choose
from onnxguard.conformance.own.building import own_cases
from onnxguard.conformance.referees import tolerance
from onnxguard.policy.registry import DEFAULT_ALLOWLIST, load_allowlist

Formula = Callable[[Node, list[Any]], Any]
Damage = Callable[[Formula, Node, list[Any]], Any]
"""Computes a node wrongly, by its formula."""

_POOLS = ("MaxPool", "AveragePool")
_CONVS = ("Conv", "ConvTranspose")
_REDUCTIONS = ("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum")
_PER_AXIS = ("strides", "dilations", "kernel_shape", "pads", "output_padding", "output_shape")
_FEWER = 1
"""Inputs from which on ``axes`` may be one."""


class Fault(NamedTuple):
    """One way in which a runtime may be wrong."""

    op_type: str
    kind: str
    variant: str
    damage: Damage


def _as_list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


# -- kinds ----------------------------------------------------------------------------------------


def _flipped(variant: str) -> Damage:
    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        weight = inputs[1]
        if variant == "exchanged":
            weight = np.swapaxes(weight, -1, -2) if weight.ndim > 3 else weight
        else:
            weight = np.flip(weight, -1 if variant == "last" else 2)
        if weight.shape != inputs[1].shape:
            return formula(node, inputs)
        return formula(node, [inputs[0], weight, *inputs[2:]])

    return damage


def _moved(axis: int, rank: int, variant: str) -> int:
    at = axis % max(rank, 1)
    return {"next": (at + 1) % max(rank, 1), "before": (at - 1) % max(rank, 1), "first": 0,
            "last": max(rank - 1, 0)}[variant]  # fmt: skip


def _wrong_axis(variant: str) -> Damage:
    """The attribute ``axis``, or every one of ``axes``."""

    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        said = dict(node.attributes)
        rank = inputs[0].ndim
        inputs = list(inputs)
        if node.op_type == "Unsqueeze":
            axes = said.get("axes") if "axes" in said else inputs[1]
            rank += len(axes)
        if "axes" in said:
            said["axes"] = [_moved(int(a), rank, variant) for a in said["axes"]]
        elif node.op_type in {"Squeeze", "Unsqueeze", *_REDUCTIONS} and len(inputs) > _FEWER:
            inputs[1] = np.array([_moved(int(a), rank, variant) for a in inputs[1].reshape(-1)])
        elif node.op_type == "Slice" and len(inputs) > 3 and inputs[3] is not None:
            inputs[3] = np.array([_moved(int(a), rank, variant) for a in inputs[3]])
        else:
            default = int(defs.get_schema(node.op_type, 17, "").attributes["axis"].default_value.i)
            said["axis"] = _moved(int(said.get("axis", default)), rank, variant)
        return formula(node._replace(attributes=said), inputs)

    return damage


def _reversed_lists(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    """Strides, pads and the like, the last axis first."""
    said = dict(node.attributes)
    for name in _PER_AXIS:
        values = said.get(name)
        if values is None or (name == "kernel_shape" and node.op_type in _CONVS):
            continue
        half = len(values) // 2
        ends = [values[:half], values[half:]] if name == "pads" else [values]
        said[name] = [value for part in ends for value in reversed(part)]
    return formula(node._replace(attributes=said), inputs)


def _swapped_ends(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    """The pads at the end taken for those at the beginning."""
    if "pads" in node.attributes:
        pads = list(node.attributes["pads"])
        half = len(pads) // 2
        said = {**node.attributes, "pads": pads[half:] + pads[:half]}
        return formula(node._replace(attributes=said), inputs)
    if node.op_type != "Pad":
        return formula(node, inputs)
    half = len(inputs[1]) // 2
    return formula(node, [inputs[0], np.roll(inputs[1], half), *inputs[2:]])


def _reversed_input(place: int) -> Damage:
    """Sizes or scales of which the last two axes are exchanged."""

    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        inputs = list(inputs)
        for at in range(place, min(place + 2, len(inputs))):
            if inputs[at] is not None and inputs[at].size > 1:
                inputs[at] = np.concatenate([inputs[at][:-2], inputs[at][-2:][::-1]])
        return formula(node, inputs)

    return damage


def _transposed_input(place: int) -> Damage:
    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        x = inputs[place]
        if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
            return formula(node, inputs)
        return formula(node, [*inputs[:place], np.swapaxes(x, -1, -2), *inputs[place + 1 :]])

    return damage


def _inverse_order(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    rank = inputs[0].ndim
    order = [int(at) for at in np.argsort(node.get("perm", list(range(rank))[::-1]))]
    return formula(node._replace(attributes={"perm": order}), inputs)


def _columns_first(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    """Elements in the order of Fortran."""
    (y, *rest) = _as_list(formula(node, inputs))
    return [inputs[0].reshape(-1, order="F").reshape(y.shape), *rest]


def _last_channel(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    """The channels taken to be the last dim, as in NHWC."""
    x = np.moveaxis(inputs[0], -1, 1)
    channels = [part.size for part in inputs[1:] if part is not None]
    if any(size != x.shape[1] for size in channels):
        return formula(node, inputs)
    (y, *rest) = _as_list(formula(node, [x, *inputs[1:]]))
    if not channels:  # a pool over the wrong dims: of the right shape where it can be
        expected = _as_list(formula(node, inputs))[0].shape
        return [np.resize(y, expected), *rest]
    return [np.moveaxis(y, 1, -1), *rest]


def _reversed_indices(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    return formula(node, [inputs[0], inputs[1][..., ::-1], *inputs[2:]])


def _one_group(variant: str) -> Damage:
    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        groups = int(node.get("group", 1))
        width = inputs[0].shape[1] // groups
        at = 0 if variant == "first" else groups - 1
        part = inputs[0][:, at * width : (at + 1) * width]
        return formula(node, [np.concatenate([part] * groups, 1), *inputs[1:]])

    return damage


def _no_dilation(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    """Every cell of the window next to the last; the output keeps its size."""
    if not any(d > 1 for d in node.get("dilations", [])):
        return formula(node, inputs)
    expected = _as_list(formula(node, inputs))
    said = {**node.attributes, "dilations": [1] * len(node.attributes["dilations"])}
    found = _as_list(formula(node._replace(attributes=said), inputs))
    cut = tuple(slice(0, size) for size in expected[0].shape)
    return [
        part[cut] if all(a >= b for a, b in zip(part.shape, want.shape, strict=True)) else part
        for part, want in zip(found, expected, strict=True)
    ]


def _half_up(variant: str) -> Damage:
    def rounded(x: Any) -> Any:
        return np.floor(x + 0.5) if variant == "up" else np.trunc(x + np.copysign(0.5, x))

    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        x = inputs[0]
        if node.op_type == "Resize":
            how = {"up": "round_prefer_ceil", "away": "ceil"}[variant]
            return formula(
                node._replace(attributes={**node.attributes, "nearest_mode": how}), inputs
            )
        if node.op_type == "QuantizeLinear":
            nudged = node._replace(nudge=1e-9)  # above zero a half goes up
            below = node._replace(nudge=-1e-9)
            up, down = formula(nudged, inputs), formula(below, inputs)
            return up if variant == "away" else np.where(x < 0, down, up).astype(up.dtype)
        if node.op_type == "Div":
            if x.dtype.kind not in "iu":
                return formula(node, inputs)
            exact = inputs[0].astype(np.float64) / inputs[1].astype(np.float64)
            return rounded(exact).astype(x.dtype)
        (y, *rest) = _as_list(formula(node, inputs))
        if y.dtype.kind not in "iu" or x.dtype.kind != "f":
            return [y, *rest]
        return [rounded(x.astype(np.float64)).astype(y.dtype), *rest]

    return damage


def _wrapped(dtype: str) -> Damage:
    """Outputs of one integer dtype keep half of their bits."""

    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        outputs = _as_list(formula(node, inputs))
        return [_cut(value) if value.dtype.name == dtype else value for value in outputs]

    return damage


def _cut(value: Any) -> Any:
    kept = {8: 4, 16: 8, 32: 16, 64: 32}[8 * value.dtype.itemsize]
    low = value.astype(np.int64) & ((1 << kept) - 1)
    if value.dtype.kind == "i":
        low = np.where(low >= 1 << (kept - 1), low - (1 << kept), low)
    return low.astype(value.dtype)


def _other_sign(dtype: str) -> Damage:
    """Inputs of one integer dtype are read with the other sign."""

    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        if inputs[0].dtype.name != dtype:
            return formula(node, inputs)
        other = np.dtype(dtype.removeprefix("u") if dtype.startswith("u") else f"u{dtype}")
        read = [
            part.view(other) if part is not None and part.dtype.name == dtype else part
            for part in inputs
        ]
        outputs = _as_list(formula(node, read))
        return [part.view(dtype) if part.dtype == other else part for part in outputs]

    return damage


def _no_saturation(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    """What is beyond the limits wraps around."""
    (y,) = _as_list(formula(node, inputs))
    if y.dtype.name not in {"int8", "uint8", "int16", "uint16"}:
        return y
    wide = [inputs[0], inputs[1]]
    zero = inputs[2] if len(inputs) > 2 else None
    wide.append(np.zeros_like(inputs[1], np.int32) if zero is None else zero.astype(np.int32))
    return np.asarray(formula(node, wide)).astype(y.dtype)


def _left_aligned(places: tuple[int, ...]) -> Damage:
    """Operands of fewer dims get their ones behind, not in front."""

    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        expected = _as_list(formula(node, inputs))
        rank = max(part.ndim for part in inputs if part is not None)
        changed = [
            part.reshape(part.shape + (1,) * (rank - part.ndim))
            if part is not None and at in places
            else part
            for at, part in enumerate(inputs)
        ]
        try:
            found = _as_list(formula(node, changed))
        except ValueError:
            return expected
        same = all(a.shape == b.shape for a, b in zip(found, expected, strict=True))
        return found if same else expected

    return damage


def _repeated_in_turn(place: int) -> Damage:
    """An operand of another shape is laid over the result element by element, again and again."""

    def damage(formula: Formula, node: Node, inputs: list[Any]) -> Any:
        expected = _as_list(formula(node, inputs))
        part, shape = inputs[place], expected[0].shape
        if part is None or part.shape == shape or part.size < 2 or not expected[0].size:
            return expected
        laid = np.resize(part, shape)
        return formula(node, [*inputs[:place], laid, *inputs[place + 1 :]])

    return damage


def _bias_along_last(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    """A bias of the channels is added along the last dim, laid over again and again."""
    if len(inputs) < 3 or inputs[2] is None:
        return formula(node, inputs)
    (y,) = _as_list(formula(node, [*inputs[:2], None]))
    return (y + np.resize(inputs[2], y.shape[-1])).astype(y.dtype)


# -- which operators they befall ------------------------------------------------------------------

_BROADCAST = ("Add", "Sub", "Mul", "Div", "Pow", "PRelu", "BitShift", "Max", "Min", "Sum", "Mean")
_AXIS = ("Concat", "Flatten", "Gather", "LayerNormalization", "QuantizeLinear", "DequantizeLinear")
_VARIANTS = ("next", "before", "first", "last")


def faults_of(  # noqa: C901 - a table, read from above to below
    op_type: str, dtypes: dict[str, list[str]]
) -> Iterator[Fault]:
    """Every fault that may befall an operator.

    Args:
        op_type: of the default domain.
        dtypes: the integers that its first input, and its output, may hold.
    """

    def fault(kind: str, variant: str, damage: Damage) -> Fault:
        return Fault(op_type, kind, variant, damage)

    if op_type in _CONVS:
        for variant in ("first", "last", "exchanged"):
            yield fault("a flipped kernel", variant, _flipped(variant))
        for variant in ("first", "last"):
            yield fault("the group ignored", variant, _one_group(variant))
        yield fault("a broadcast the wrong way", "the bias", _bias_along_last)
    if op_type in (*_CONVS, "MaxPool"):
        yield fault("the dilation ignored", "", _no_dilation)
    if op_type in (*_CONVS, *_POOLS):
        yield fault("a wrong axis", "the last first", _reversed_lists)
    if op_type in (*_CONVS, *_POOLS, "Pad"):
        yield fault("a wrong axis", "the end first", _swapped_ends)
    if op_type in (*_AXIS, *_REDUCTIONS, "Slice", "Softmax", "Squeeze", "Unsqueeze"):
        for variant in _VARIANTS:
            yield fault("a wrong axis", variant, _wrong_axis(variant))
    if op_type in ("Resize", "Expand", "ConstantOfShape"):
        place = {"Resize": 2, "Expand": 1, "ConstantOfShape": 0}[op_type]
        yield fault("a wrong axis", "exchanged", _reversed_input(place))
    if op_type in ("MatMul", "Gemm"):
        for place in (0, 1):
            yield fault("a wrong axis", f"input {place} transposed", _transposed_input(place))
    if op_type == "Transpose":
        yield fault("a wrong axis", "the inverse order", _inverse_order)
    if op_type in ("Reshape", "Flatten", "Squeeze", "Unsqueeze"):
        yield fault("a wrong axis", "columns first", _columns_first)
    if op_type in ("BatchNormalization", "InstanceNormalization"):
        yield fault("a wrong axis", "channels last", _last_channel)
    if op_type in ("GlobalAveragePool", "GlobalMaxPool"):
        yield fault("a wrong axis", "channels last", _last_channel)
    if op_type in ("GatherND", "ScatterND"):
        yield fault("a wrong axis", "indices reversed", _reversed_indices)
    if op_type in ("QuantizeLinear", "Resize", "Cast", "Div"):
        for variant in ("up", "away"):
            yield fault("rounding half up", variant, _half_up(variant))
    if op_type == "QuantizeLinear":
        yield fault("a dtype that wraps", "no saturation", _no_saturation)
    for dtype in dtypes["outputs"]:
        yield fault("a dtype that wraps", f"{dtype} cut", _wrapped(dtype))
    if op_type in ("Max", "Min", "Clip", "Relu", "Div", "ReduceMax", "ReduceMin", "PRelu", "Pow",
                   "BitShift", "Cast", "DequantizeLinear", "ReduceMean", "MaxPool"):  # fmt: skip
        for dtype in dtypes["inputs"]:
            yield fault("a dtype that wraps", f"{dtype} with the other sign", _other_sign(dtype))
    if op_type in _BROADCAST:
        for place in (1,) if op_type == "PRelu" else (0, 1):  # slopes alone are broadcast
            yield fault(
                "a broadcast the wrong way", f"{place} aligned left", _left_aligned((place,))
            )
            yield fault("a broadcast the wrong way", f"{place} in turn", _repeated_in_turn(place))
    if op_type in ("LayerNormalization", "Gemm"):
        place = {"LayerNormalization": 1, "Gemm": 2}[op_type]
        if op_type == "Gemm":
            yield fault("a broadcast the wrong way", "aligned left", _left_aligned((2,)))
        else:
            yield fault("a broadcast the wrong way", "in turn", _repeated_in_turn(place))
    if op_type == "Expand":
        yield fault("a broadcast the wrong way", "aligned left", _expanded_left)


def _expanded_left(formula: Formula, node: Node, inputs: list[Any]) -> Any:
    expected = _as_list(formula(node, inputs))[0]
    x = inputs[0].reshape(inputs[0].shape + (1,) * (expected.ndim - inputs[0].ndim))
    try:
        return np.broadcast_to(x, expected.shape)
    except ValueError:
        return expected


# -- what is noticed ------------------------------------------------------------------------------


class Case(NamedTuple):
    """A case of an operator, from one of the two sources, and what is right."""

    model: bytes
    feeds: dict[str, Any]
    expected: list[Any]
    allowed: Tolerance


def noticed(fault: Fault, cases: list[Case]) -> bool:
    """Whether any case has another output where the fault is."""
    true = FORMULAS[fault.op_type]

    def wrong(node: Node, inputs: list[Any]) -> Any:
        return fault.damage(true, node, inputs)

    FORMULAS[fault.op_type] = wrong
    try:
        return any(_differs(case) for case in cases)
    finally:
        FORMULAS[fault.op_type] = true


def _differs(case: Case) -> bool:
    try:
        found = evaluate(case.model, case.feeds)
    except Exception:  # noqa: BLE001 - a runtime that refuses a case is noticed
        return True
    return bool(compare(found, case.expected, case.allowed).problem)


def _right(model: bytes, feeds: dict[str, Any], allowed: Tolerance) -> Iterator[Case]:
    try:
        yield Case(model, feeds, evaluate(model, feeds), allowed)
    except NoFormulaError:
        return


class Subject(NamedTuple):
    """An operator of the list, with its cases of both sources."""

    op_type: str
    own: list[Case]
    official: list[Case]
    dtypes: dict[str, list[str]]


def subjects(opset: int) -> list[Subject]:
    """All operators of the default list that have a formula of one node."""
    policy = load_allowlist(DEFAULT_ALLOWLIST)
    found = []
    for domain, op_type in sorted(policy.entries):
        if op_type not in FORMULAS or schema_version(domain, op_type, opset) is None:
            continue
        schema = defs.get_schema(op_type, opset, "")
        own = [
            right
            for case in own_cases(op_type, opset, lambda dtype: dtype != "string")
            if not case.forbids
            for right in _right(case.model, case.feeds, tolerance)
        ]
        chosen, _ = choose(schema, domain, opset, lambda model: not check(model))
        official = [
            right
            for case, model, _ in chosen
            if case.name not in RANDOM_CASES
            for right in _right(model, case.feeds, fixed(case.rtol, case.atol))
        ]
        found.append(Subject(op_type, own, official, _integers(own)))
    return found


def _integers(cases: list[Case]) -> dict[str, list[str]]:
    """The integer dtypes, packed ones aside, of first inputs and of outputs."""
    inputs, outputs = set(), set()
    for case in cases:
        graph = onnx.load_model_from_string(case.model).graph
        packed = len(graph.node) > 1 and graph.node[0].op_type == "Cast"
        if packed:
            continue
        first = [case.feeds[v.name] for v in graph.input[:1]]
        inputs |= {value.dtype.name for value in first if value.dtype.kind in "iu"}
        outputs |= {value.dtype.name for value in case.expected if value.dtype.kind in "iu"}
    return {"inputs": sorted(inputs), "outputs": sorted(outputs)}


def draw(found: list[Subject], count: int, seed: int) -> list[tuple[Subject, Fault]]:
    """Faults, first the operator, then the kind, then the variant; each once where that goes."""
    random = np.random.default_rng(seed)
    left = {s.op_type: list(faults_of(s.op_type, s.dtypes)) for s in found}
    drawn: list[tuple[Subject, Fault]] = []
    while len(drawn) < count and any(left.values()):
        subject = found[int(random.integers(len(found)))]
        possible = left[subject.op_type]
        kinds = sorted({fault.kind for fault in possible})
        if not kinds:
            continue
        kind = kinds[int(random.integers(len(kinds)))]
        alike = [fault for fault in possible if fault.kind == kind]
        fault = alike[int(random.integers(len(alike)))]
        possible.remove(fault)
        drawn.append((subject, fault))
    return drawn


def main() -> None:
    """Print how many faults were noticed, and each that was not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--opset", type=int, default=17)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    drawn = draw(subjects(options.opset), options.faults, options.seed)
    seen: dict[str, Counter[str]] = {"own": Counter(), "official": Counter()}
    for subject, fault in drawn:
        seen["own"][fault.kind] += noticed(fault, subject.own)
        seen["official"][fault.kind] += noticed(fault, subject.official)
        if not noticed(fault, subject.own):
            print(f"not noticed by ours: {fault.op_type}, {fault.kind}, {fault.variant}")
    kinds = Counter(fault.kind for _, fault in drawn)
    for kind, count in sorted(kinds.items()):
        ours, official = (seen[source][kind] for source in ("own", "official"))
        print(f"{kind:<26} {count:>4} drawn, ours {ours:>4}, official {official:>4}")
    total = len(drawn)
    for source, label in (("own", "our own cases"), ("official", "official cases")):
        share = seen[source].total()
        print(f"{label}: {share} of {total} noticed, {100 * share / total:.1f} %")


if __name__ == "__main__":
    main()
