"""Change types in valid models, and ask onnx's checker and the scan what they say of each.

    python benchmarks/type_mutants.py --mutants 5000

The models are onnx's own node tests, tests/models and those of every folder that is given. A
mutant has a number that makes it again: ``--only NUMBER`` shows one. Missed is what the checker
refuses for a type and the scan's rules on types do not; a false alarm is what the checker accepts
and they do not. Both are printed as rates, by change and with the checker's words. Needs the extra
``dev``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import NamedTuple

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto
from onnx.backend.test.loader import load_model_tests

from onnxguard.model.reading import read_model
from onnxguard.model.types import infer_types

MODELS = Path(__file__).resolve().parent.parent / "tests" / "models"
DTYPES = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 21, 22]
_DTYPE_ATTRIBUTES = frozenset({"to", "dtype", "output_dtype", "output_datatype", "stash_type"})

_ABOUT_TYPES = re.compile(
    r"\b(typestr|data type|elem(ent)?[ _]types?|inferred type|inconsistent type|mismatched type"
    r"|type mismatch|different type|unsupported type|type error|expected to have type|TypeProto"
    r"|same (data )?type|valid type|data_type|value_case|kind of type)\b",
    re.IGNORECASE,
)


_FOLLOWS = re.compile(
    r"[^(]*Input \d+ expected to have type but instead is null|Scan input \d+ was.*"
)
"""What the checker says after another error, of values that it could not type for it."""


def is_about_types(reason: str) -> bool:
    """Whether the checker refuses a model for its types."""
    return _ABOUT_TYPES.search(_FOLLOWS.sub("", reason)) is not None


class Verdict(NamedTuple):
    """What both said of one mutant; an empty text accepts it."""

    number: int
    change: str
    model: str
    theirs: str
    ours: str


def graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """A graph and all graphs inside it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from graphs(attribute.g)


def _tensor(value: ValueInfoProto) -> bool:
    return bool(value.type.HasField("tensor_type"))


def _other(random: Random, dtype: int) -> int:
    return random.choice([each for each in DTYPES if each != dtype])


def _retype(random: Random, value: ValueInfoProto) -> None:
    of = value.type.tensor_type
    of.elem_type = _other(random, of.elem_type)


def refill(random: Random, tensor: TensorProto) -> None:
    """Give a tensor another dtype, and zeros of it."""
    dtype = _other(random, tensor.data_type)
    name, dims = tensor.name, list(tensor.dims)
    count = 1
    for dim in dims:
        count *= dim
    tensor.Clear()
    tensor.name = name
    tensor.dims.extend(dims)
    tensor.data_type = dtype
    if dtype == TensorProto.STRING:
        tensor.string_data.extend([b""] * count)
    else:
        bits = {1: 32, 6: 32, 7: 64, 11: 64, 12: 32, 13: 64, 5: 16, 10: 16, 16: 16, 21: 4, 22: 4}
        tensor.raw_data = bytes((count * bits.get(dtype, 8) + 7) // 8)


def change_input(random: Random, model: ModelProto) -> bool:
    """Another dtype of a graph's input."""
    found = [v for g in graphs(model.graph) for v in g.input if _tensor(v)]
    if found:
        _retype(random, random.choice(found))
    return bool(found)


def change_declared(random: Random, model: ModelProto) -> bool:
    """Another dtype of an output or a value_info."""
    found = [v for g in graphs(model.graph) for v in (*g.output, *g.value_info) if _tensor(v)]
    if found:
        _retype(random, random.choice(found))
    return bool(found)


def change_initializer(random: Random, model: ModelProto) -> bool:
    """Another dtype of an initializer or of a tensor in an attribute."""
    found = [t for g in graphs(model.graph) for t in g.initializer]
    found += [a.t for n in nodes(model) for a in n.attribute if a.type == AttributeProto.TENSOR]
    if found:
        refill(random, random.choice(found))
    return bool(found)


def change_attribute(random: Random, model: ModelProto) -> bool:
    """Another number in an attribute that names a dtype."""
    found = [a for n in nodes(model) for a in n.attribute if a.name in _DTYPE_ATTRIBUTES]
    found = [a for a in found if a.type == AttributeProto.INT and not a.ref_attr_name]
    if found:
        attribute = random.choice(found)
        attribute.i = random.choice([*DTYPES, 0, 14, 15, 27, 29, 99])
    return bool(found)


def swap_input(random: Random, model: ModelProto) -> bool:
    """Another value of the graph as a node's input."""
    found = [n for n in model.graph.node if n.input]
    names = [v.name for v in (*model.graph.input, *model.graph.initializer)]
    if found and names:
        node = random.choice(found)
        node.input[random.randrange(len(node.input))] = random.choice(names)
    return bool(found and names)


def insert_cast(random: Random, model: ModelProto) -> bool:
    """A Cast to another dtype before a node."""
    graph = model.graph
    found = [(i, n) for i, n in enumerate(graph.node) if any(n.input)]
    if not found:
        return False
    index, node = random.choice(found)
    at = random.choice([i for i, name in enumerate(node.input) if name])
    to = random.choice(DTYPES)
    cast = onnx.helper.make_node("Cast", [node.input[at]], ["cast_of_a_mutant"], to=to)
    node.input[at] = "cast_of_a_mutant"
    graph.node.insert(index, cast)
    return True


def change_opset(random: Random, model: ModelProto) -> bool:
    """An older or newer opset of the default domain."""
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx"):
            opset.version = random.randint(1, onnx.defs.onnx_opset_version())
            return True
    return False


def nodes(model: ModelProto) -> Iterator[NodeProto]:
    """Every node of the graphs of a model."""
    for graph in graphs(model.graph):
        yield from graph.node


CHANGES: tuple[Callable[[Random, ModelProto], bool], ...] = (
    change_input,
    change_declared,
    change_initializer,
    change_attribute,
    swap_input,
    insert_cast,
    change_opset,
)


@cache
def models(folders: tuple[Path, ...]) -> list[tuple[str, bytes]]:
    """The models that the checker accepts, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's, about the overflows that some cases are about
        cases = load_model_tests(kind="node")
    found = [(case.name, case.model) for case in cases if case.model is not None]
    for folder in (MODELS, *folders):
        found += [(path.name, onnx.load(path)) for path in sorted(folder.glob("*.onnx"))]
    held = [(name, model) for name, model in found if model.ByteSize() < 1 << 22]
    return [(name, model.SerializeToString()) for name, model in held if not theirs(model)]


def theirs(model: ModelProto) -> str:
    """Why the checker refuses a model; empty where it does not."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # noqa: BLE001 # whatever onnx raises is its answer
        return str(error) or "refused"
    return ""


def ours(model: ModelProto) -> str:
    """What the rules on types say of a model; empty where they say nothing."""
    clashes = infer_types(read_model(model.SerializeToString())).clashes
    return "; ".join(f"{clash.code} {clash.message}" for clash in clashes[:3])


def mutant(number: int, folders: tuple[Path, ...]) -> tuple[str, str, ModelProto] | None:
    """The change, the model's name and the model of a number; None where nothing was to change."""
    random = Random(number)
    known = models(folders)
    name, data = known[random.randrange(len(known))]
    model = ModelProto.FromString(data)
    for change in random.sample(CHANGES, len(CHANGES)):
        if change(random, model):
            return change.__name__, name, model
    return None


def work(numbers: range, folders: tuple[Path, ...], results: Connection) -> None:
    """Judge mutants in a child, which onnx may abort; each number is announced before."""
    models(folders)
    for number in numbers:
        made = mutant(number, folders)
        results.send(number)
        if made is not None:
            change, name, model = made
            results.send(Verdict(number, change, name, theirs(model), ours(model)))
    results.send(None)


def judged(numbers: range, folders: tuple[Path, ...]) -> Iterator[Verdict]:
    """The verdicts on all mutants; a child that dies is replaced and goes on after its number."""
    start = numbers.start
    while start < numbers.stop:
        results, ours_end = multiprocessing.Pipe(duplex=False)
        left = range(start, numbers.stop)
        child = multiprocessing.get_context("fork").Process(
            target=work, args=(left, folders, ours_end)
        )
        child.start()
        ours_end.close()
        try:
            while (item := results.recv()) is not None:
                if isinstance(item, Verdict):
                    yield item
                else:
                    start = item
            start = numbers.stop
        except EOFError:
            print(f"onnx ended its process on mutant {start}", file=sys.stderr)
            start += 1
        finally:
            child.join()


def report(verdicts: list[Verdict], shown: int) -> None:
    """Print both rates and the classes of difference."""
    refused = [v for v in verdicts if is_about_types(v.theirs)]
    accepted = [v for v in verdicts if not v.theirs]
    missed = [v for v in refused if not v.ours]
    alarms = [v for v in accepted if v.ours]
    other = [v for v in verdicts if v.theirs and not is_about_types(v.theirs)]
    print(f"{len(verdicts)} mutants: {len(accepted)} accepted by the checker, {len(refused)}")
    print(
        f"refused for a type, {len(other)} for something else ({sum(bool(v.ours) for v in other)}"
    )
    print("of which the scan refuses for a type)")
    print(f"missed {len(missed)} ({100 * len(missed) / max(len(refused), 1):.2f} %)")
    print(f"false alarms {len(alarms)} ({100 * len(alarms) / max(len(accepted), 1):.2f} %)")
    for title, group in (("missed", missed), ("false alarm", alarms), ("other", other)):
        words = Counter((v.change, re.sub(r"[\d'\"]+", "#", v.theirs)[:200]) for v in group)
        first = {(v.change, re.sub(r"[\d'\"]+", "#", v.theirs)[:200]): v for v in reversed(group)}
        for key, count in words.most_common(shown):
            verdict = first[key]
            print(f"{title} {count}x, first {verdict.number} {verdict.model} {verdict.change}")
            print(f"  onnx: {' '.join(verdict.theirs.split())[:400]}")
            print(f"  scan: {verdict.ours[:300]}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--shown", type=int, default=12)
    parser.add_argument("folders", nargs="*", type=Path)
    options = parser.parse_args()
    folders = tuple(options.folders)
    if options.only is not None:
        made = mutant(options.only, folders)
        if made is None:
            raise SystemExit("nothing to change")
        print(onnx.printer.to_text(made[2])[:5000])
        print(
            made[:2], "\nonnx:", theirs(made[2]) or "accepts", "\nscan:", ours(made[2]) or "accepts"
        )
        return
    models(folders)
    first = options.first
    report(list(judged(range(first, first + options.mutants), folders)), options.shown)


if __name__ == "__main__":
    main()
