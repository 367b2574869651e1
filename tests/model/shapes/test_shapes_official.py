"""Shapes and small values are those of onnx's node tests: as onnx infers them, and as they come."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import make_models
import numpy as np
import onnx
import pytest
from onnx import ModelProto, defs, numpy_helper
from onnx.backend.test.loader import load_model_tests
from support import networks

from onnxguard.model.reading import read_model
from onnxguard.model.shapes.dims import Span, Sym, text
from onnxguard.model.shapes.infer import infer_shapes
from onnxguard.model.shapes.known import Known
from onnxguard.model.shapes.table import BODIES, FUNCTIONS
from onnxguard.model.shapes.visits import Shapes
from onnxguard.policy.registry import allowlist_ids, load_allowlist

FEWEST = 1800
UNSEEN = {"CastMap", "DictVectorizer", "ZipMap", "Gradient"}
"""Operators that give maps, or a graph's derivatives."""


class Case(NamedTuple):
    name: str
    model: ModelProto
    inputs: list[Any]
    outputs: list[Any]


@pytest.fixture(scope="module")
def official() -> list[Case]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about the overflows that some cases are about
        cases = load_model_tests(kind="node")
    return [
        Case(case.name, case.model, *(case.data_sets or [([], [])])[0])
        for case in cases
        if case.model is not None
    ]


def undeclared(model: ModelProto) -> ModelProto:
    """The model without what it says of the shapes of its outputs and of what lies between."""
    bare = ModelProto.FromString(model.SerializeToString())
    del bare.graph.value_info[:]
    for value in bare.graph.output:
        if value.type.WhichOneof("value") == "tensor_type":
            value.type.tensor_type.ClearField("shape")
    return bare


def inferred(model: ModelProto) -> Shapes:
    return infer_shapes(read_model(model.SerializeToString()))


class Compared:
    """How many dimensions onnx knows, how many of them we do, and what is said otherwise."""

    def __init__(self) -> None:
        self.theirs = self.ours = 0
        self.different: list[tuple[str, str, list[Any], Known]] = []

    def add(self, name: str, model: ModelProto) -> None:
        bare = undeclared(model)
        try:
            found = onnx.shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True)
        except onnx.shape_inference.InferenceError:
            assert name == "test_mvn"  # onnx's own slip
            return
        shapes = inferred(bare)
        assert shapes.clashes == [], name
        for value in (*found.graph.value_info, *found.graph.output):
            if not value.type.tensor_type.HasField("shape"):
                continue
            dims = [
                d.dim_value if d.HasField("dim_value") else None
                for d in value.type.tensor_type.shape.dim
            ]
            known = shapes.roots[0].known.get(value.name.encode(), Known())
            self.theirs += sum(dim is not None for dim in dims)
            if known.shape is None:
                continue
            pairs = list(zip(dims, known.shape, strict=False))
            if len(known.shape) != len(dims) or any(
                isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs
            ):
                self.different.append((name, value.name, dims, known))
            self.ours += sum(a is not None and b is not None for a, b in pairs)


def test_dimensions_are_those_of_onnx_on_every_official_model(official: list[Case]) -> None:
    assert len(official) >= FEWEST
    compared = Compared()
    for case in official:
        compared.add(case.name, case.model)
    assert compared.different == []
    print(f"\n{compared.ours} of the {compared.theirs} dimensions that onnx knows are known")
    assert compared.theirs > 20_000
    assert compared.ours >= 0.995 * compared.theirs


@pytest.mark.parametrize("path", sorted(make_models.FOLDER.glob("*.onnx")), ids=lambda p: p.name)
def test_dimensions_are_those_of_onnx_on_the_committed_models(path: Path) -> None:
    compared = Compared()
    compared.add(path.name, onnx.load(path))
    assert compared.different == []
    assert compared.ours == compared.theirs > 0


@pytest.mark.parametrize("how", networks.EXPORTERS)
@pytest.mark.parametrize("network", ["transformer", "recurrent"])
def test_dimensions_are_those_of_onnx_on_exports(network: str, how: str) -> None:
    compared = Compared()
    compared.add(network, ModelProto.FromString(networks.export(network, how)[1]))
    assert compared.different == []
    assert compared.ours >= 0.95 * compared.theirs > 0


# -- what really comes out ------------------------------------------------------------------------


def with_constants(case: Case) -> ModelProto | None:
    """The model with its inputs as initializers, so that every value follows; None for others."""
    bare = undeclared(case.model)
    if len(case.inputs) != len(bare.graph.input):
        return None
    for value, array in zip(bare.graph.input, case.inputs, strict=True):
        if not isinstance(array, np.ndarray) or not value.type.HasField("tensor_type"):
            return None
        bare.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del bare.graph.input[:]
    return bare


def with_names(case: Case, sizes: dict[str, Fraction]) -> ModelProto | None:
    """The model with a name for each dimension of its inputs; ``sizes`` gets what they stand for.

    Dimensions of size 0 keep it: names stand for 1 or more.
    """
    bare = undeclared(case.model)
    if len(case.inputs) != len(bare.graph.input):
        return None
    for place, (value, array) in enumerate(zip(bare.graph.input, case.inputs, strict=True)):
        if not isinstance(array, np.ndarray) or not value.type.HasField("tensor_type"):
            continue
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if array.shape[axis]:
                name = f"d{place}_{axis}"
                dim.Clear()
                dim.dim_param, sizes[name] = name, Fraction(array.shape[axis])
    return bare


def evaluated(number: Any, sizes: dict[str, Fraction]) -> Any:
    """What a formula says for sizes, read from its text as a reader would."""
    if not isinstance(number, Sym):
        return number
    return int(eval(text(number), {"floor": math.floor}, dict(sizes)))  # our own text


def is_right(found: Any, true: Any) -> bool:
    if isinstance(found, Span):
        low, high = found
        return (low is None or low <= true) and (high is None or true <= high)
    return found is None or bool(found == true)


def differences(case: Case, shapes: Shapes, sizes: dict[str, Fraction]) -> Iterator[str]:
    for value, array in zip(case.model.graph.output, case.outputs, strict=True):
        known = shapes.roots[0].known.get(value.name.encode(), Known())
        if not isinstance(array, np.ndarray) or known.shape is None:
            continue
        shape = tuple([evaluated(dim, sizes) for dim in known.shape])
        if len(shape) != array.ndim or not all(map(is_right, shape, array.shape)):
            yield f"{case.name}: {value.name} is {array.shape}, inferred {shape}"
        for ours, true in zip(known.values or (), array.reshape(-1).tolist(), strict=False):
            found = evaluated(ours, sizes)
            if not (is_right(found, true) or math.isnan(true)):
                yield f"{case.name}: {value.name} holds {true}, inferred {found}"


def test_what_follows_from_constants_is_what_comes_out(official: list[Case]) -> None:
    wrong: list[str] = []
    outputs = whole = values = 0
    for case in official:
        model = with_constants(case)
        if model is None:
            continue
        shapes = inferred(model)
        wrong += [f"{case.name}: {clash.message}" for clash in shapes.clashes]
        wrong += differences(case, shapes, {})
        for value in case.model.graph.output:
            known = shapes.roots[0].known.get(value.name.encode(), Known())
            outputs += 1
            whole += known.shape is not None and "?" not in map(text, known.shape)
            values += known.values is not None
    assert wrong == []
    print(f"\n{whole} of {outputs} shapes whole, of {values} the values are followed")
    assert outputs > 1800
    assert whole >= 0.95 * outputs
    assert values >= 150


def test_formulas_hold_for_the_sizes_that_come(official: list[Case]) -> None:
    wrong: list[str] = []
    dims = known = 0
    for case in official:
        sizes: dict[str, Fraction] = {}
        model = with_names(case, sizes)
        if model is None:
            continue
        shapes = inferred(model)
        wrong += [f"{case.name}: {clash.message}" for clash in shapes.clashes]
        wrong += differences(case, shapes, sizes)
        for value in case.model.graph.output:
            shape = shapes.roots[0].known.get(value.name.encode(), Known()).shape or ()
            dims += len(shape)
            known += sum(text(dim) != "?" for dim in shape)
    assert wrong == []
    assert dims > 4000
    assert known >= 0.7 * dims


def test_every_operator_of_onnx_and_of_the_lists_has_a_function() -> None:
    known = {(d or "ai.onnx", op) for d, table in FUNCTIONS.items() for op in table}
    known |= {("ai.onnx", op) for op in BODIES}
    standard = {(s.domain or "ai.onnx", s.name) for s in defs.get_all_schemas()}
    assert {name for _, name in standard - known} == UNSEEN
    listed = {entry for each in allowlist_ids() for entry in load_allowlist(each).entries}
    assert listed <= known
    assert len(known) >= 250
