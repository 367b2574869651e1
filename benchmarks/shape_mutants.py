"""Change sizes in valid models, and ask onnx's checker and the scan what they say of each.

    python benchmarks/shape_mutants.py --mutants 6000

The models are onnx's own node tests, as they are and with their int64 inputs as constants, and
tests/models. A mutant has a number that makes it again: ``--only NUMBER`` shows one. Missed is what
the checker refuses in its inference and the scan's rules on types and shapes do not. An alarm is
what the checker accepts and they do not; it is false unless ONNX Runtime refuses the model too, or
gives outputs of other shapes than are declared. Needs the extra ``dev``.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from random import Random

import numpy as np
import onnx
import onnxruntime
from onnx import AttributeProto, ModelProto, ValueInfoProto, numpy_helper
from onnx.backend.test.loader import load_model_tests
from type_mutants import MODELS, graphs, nodes, swap_input, theirs

from onnxguard.model.reading import read_model
from onnxguard.model.shapes.infer import infer_shapes
from onnxguard.model.types import infer_types

_DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32}
_DTYPES |= {7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64}
_NO_SIZES = frozenset({"to", "dtype", "output_dtype", "output_datatype", "stash_type"})
Change = Callable[[Random, ModelProto], bool]


def _resize(random: Random, values: list[ValueInfoProto]) -> bool:
    """Another dimension of one of the values, one more or one less."""
    tensors = [value for value in values if value.type.HasField("tensor_type")]
    if not tensors:
        return False
    dims = random.choice(tensors).type.tensor_type.shape.dim
    kind = random.random()
    if kind < 0.2 or not dims:
        dims.add().dim_value = random.choice([1, 2, 3])
    elif kind < 0.35:
        del dims[random.randrange(len(dims))]
    else:
        dim = random.choice(list(dims))
        was = dim.dim_value if dim.HasField("dim_value") else 3
        dim.dim_value = random.choice([n for n in (0, 1, 2, 3, 5, 7, 2 * was) if n != was])
    return True


def change_input(random: Random, model: ModelProto) -> bool:
    """Another shape of an input."""
    return _resize(random, [value for graph in graphs(model.graph) for value in graph.input])


def change_declared(random: Random, model: ModelProto) -> bool:
    """Another shape of an output or a value_info."""
    held = [(*graph.output, *graph.value_info) for graph in graphs(model.graph)]
    return _resize(random, [value for values in held for value in values])


def change_attribute(random: Random, model: ModelProto) -> bool:
    """Another integer in an attribute, one more or one less."""
    found = [a for n in nodes(model) for a in n.attribute if a.name not in _NO_SIZES]
    found = [a for a in found if not a.ref_attr_name and a.type in (2, 7)]
    if not found:
        return False
    attribute = random.choice(found)
    if attribute.type == AttributeProto.INT:
        attribute.i = random.choice([-3, -2, -1, 0, 1, 2, 3, 4, 5, 8])
    elif random.random() < 0.2 or not attribute.ints:
        attribute.ints.append(random.choice([0, 1, 2]))
    elif random.random() < 0.2:
        del attribute.ints[-1]
    else:
        place = random.randrange(len(attribute.ints))
        attribute.ints[place] = random.choice([-2, -1, 0, 1, 2, 3, 5, 9])
    return True


def change_constant(random: Random, model: ModelProto) -> bool:
    """Another number in an int64 constant."""
    found = [t for g in graphs(model.graph) for t in g.initializer if t.data_type == 7]
    found += [a.t for n in nodes(model) for a in n.attribute if a.type == 4 and a.t.data_type == 7]
    found = [tensor for tensor in found if 0 not in tensor.dims]
    if not found:
        return False
    tensor = random.choice(found)
    values = numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[random.randrange(values.size)] = random.choice([-3, -1, 0, 1, 2, 3, 5, 9])
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return True


CHANGES: tuple[Change, ...] = (
    *(change_input, change_input, change_declared, change_attribute, change_attribute),
    *(change_constant, swap_input),
)


@cache
def models() -> list[tuple[str, bytes]]:
    """The models that the checker accepts, by name."""
    found: list[tuple[str, ModelProto]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about the overflows that some cases are about
        for case in load_model_tests(kind="node"):
            if case.model is not None:
                found.append((case.name, case.model))
                inputs = (case.data_sets or [([], [])])[0][0]
                found.append((f"{case.name} of constants", _with_constants(case.model, inputs)))
    found += [(path.name, onnx.load(path)) for path in sorted(MODELS.glob("*.onnx"))]
    held = [(name, model) for name, model in found if model.ByteSize() < 1 << 20]
    return [(name, model.SerializeToString()) for name, model in held if not theirs(model)]


def _with_constants(model: ModelProto, arrays: list[object]) -> ModelProto:
    made = ModelProto.FromString(model.SerializeToString())
    for value, array in zip(list(made.graph.input), arrays, strict=False):
        if isinstance(array, np.ndarray) and array.dtype == np.int64 and array.size <= 16:
            made.graph.initializer.append(numpy_helper.from_array(array, value.name))
            made.graph.input.remove(value)
    return made


def mutant(number: int) -> tuple[str, ModelProto] | None:
    """The name and the model of a number; None where nothing was to change."""
    random = Random(number)
    name, data = models()[random.randrange(len(models()))]
    model = ModelProto.FromString(data)
    for change in random.sample(CHANGES, len(CHANGES)):
        if change(random, model):
            return f"{name}, {change.__name__}", model
    return None


def ours(model: ModelProto) -> str:
    """What the rules on types and shapes say of a model; empty where they say nothing."""
    read = read_model(model.SerializeToString())
    clashes = [*infer_types(read).clashes, *infer_shapes(read).clashes]
    return "; ".join(f"{clash.code} {clash.message}" for clash in clashes[:3])


def runs_as_declared(model: ModelProto) -> bool:
    """Whether ONNX Runtime runs a model on ones, and gives outputs of the declared shapes."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    stored = {tensor.name for tensor in model.graph.initializer}
    try:
        data = model.SerializeToString()
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        feeds = {}
        for value in model.graph.input:
            kind = value.type.tensor_type
            dims = [dim.dim_value if dim.HasField("dim_value") else 2 for dim in kind.shape.dim]
            if value.name not in stored:
                feeds[value.name] = np.ones(dims, _DTYPES[kind.elem_type])
        outputs = session.run(None, feeds)
    except Exception:  # noqa: BLE001 # whatever it raises refuses the model
        return False
    for value, array in zip(model.graph.output, outputs, strict=True):
        if isinstance(array, np.ndarray) and value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            named = [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
            if len(named) != array.ndim or any(
                a not in (None, b) for a, b in zip(named, array.shape, strict=True)
            ):
                return False
    return True


def judged(number: int) -> Iterator[tuple[str, str]]:
    """How a mutant counts, and what was said of it."""
    made = mutant(number)
    if made is None:
        return
    name, model = made
    refused, said = theirs(model), ours(model)
    yield "mutants", ""
    if refused and "nference" in refused:
        yield "refused in inference", ""
        if not said:
            yield "missed", f"{number} {name}: {' '.join(refused.split())}"
    elif not refused:
        yield "accepted", ""
        if said and runs_as_declared(model):
            yield "false alarms", f"{number} {name}: {said}"
        elif said:
            yield "alarms that are right", ""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=6000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--shown", type=int, default=20)
    options = parser.parse_args()
    onnxruntime.set_default_logger_severity(4)
    if options.only is not None:
        for kind, said in judged(options.only):
            print(kind, said)
        print(onnx.printer.to_text((mutant(options.only) or ("", ModelProto()))[1])[:5000])
        return
    counts: Counter[str] = Counter()
    shown: dict[tuple[str, str], str] = {}
    for number in range(options.first, options.first + options.mutants):
        for kind, said in judged(number):
            counts[kind] += 1
            if said:
                shown.setdefault((kind, re.sub(r"[\d'\"]+", "#", said)[-80:]), said)
    for (kind, _), said in list(shown.items())[: options.shown]:
        print(f"{kind}: {said[:300]}")
    for kind, count in sorted(counts.items()):
        print(f"{kind}: {count:,}")
    for kind, of in (("missed", "refused in inference"), ("false alarms", "accepted")):
        print(f"{kind} {100 * counts[kind] / max(counts[of], 1):.2f} %")


if __name__ == "__main__":
    main()
