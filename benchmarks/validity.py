"""Break valid models by the thousand, and compare the scan with onnx's checker.

    python benchmarks/validity.py --mutants 50000

Mutant number N is always the same model: one of onnx's node tests or of tests/models, changed by a
generator that starts from N. Printed are how many of those that the checker (``full_check``)
refuses the scan refuses, how many of those that it accepts the scan refuses, and every class of
difference with an example and what ONNX Runtime says of it. Left out of both rates is what is no
error here: the order of nodes alone, outputs without a type or shape, and what only types and
shapes show. Needs the extra ``dev``; ``--only`` prints one mutant.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

import onnx
from onnx import helper
from onnx.backend.test.loader import load_model_tests

from onnxguard import __version__, load_allowlist, scan_bytes
from onnxguard.catalogue.validity import VALIDITY
from onnxguard.model.schemas import operator_names
from onnxguard.model.standard import LATEST_IR, LATEST_OPSET

MODELS = Path(__file__).resolve().parent.parent / "tests" / "models"

SECONDS = 20.0
"""After which the child that checks is taken for hung, and replaced."""

RUNTIME_ONLY = {"OG151", "OG155", "OG157"}
"""What ONNX Runtime refuses, or two readers differ in, and the checker accepts."""

CODES = {rule.code for rule in VALIDITY} | {
    "OG111",
    "OG112",
    "OG303",
    "OG501",
    "OG503",
    "OG510",
    "OG511",
}
"""The rules that may speak of a mutant; the others judge by the list."""

LATER = {
    "types and shapes": re.compile(r"InferenceError"),
    "what outputs declare": re.compile(r"Field '(shape|type)' of"),
    "order": re.compile(r"topologically sorted"),
}
"""What the checker refuses and this comparison leaves out."""


# -- what is broken --------------------------------------------------------------------------------


def seeds() -> list[tuple[str, onnx.ModelProto]]:
    """The valid models that mutants are made of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    found = [(case.name, case.model) for case in cases if case.model is not None]
    found += [(path.name, onnx.load(path)) for path in sorted(MODELS.glob("*.onnx"))]
    return found


def graphs(model: onnx.ModelProto) -> Iterator[Any]:
    """Every graph and function of a model."""
    waiting: list[Any] = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            waiting += [
                each for a in node.attribute for each in ([a.g] if a.type == 5 else a.graphs)
            ]


class Mutation:
    """One change of one model; a method that changes nothing leaves the model as it is."""

    def __init__(self, model: onnx.ModelProto, random: Random) -> None:
        self.model = model
        self.random = random
        self.graph = random.choice([g for g in graphs(model) if g.node] or [model.graph])
        self.node = random.choice(self.graph.node) if self.graph.node else onnx.NodeProto()

    def _name(self) -> str:
        given = [n for node in self.graph.node for n in (*node.input, *node.output) if n]
        return self.random.choice(given or ["x"])

    def _at(self, values: Any) -> int | None:
        return self.random.randrange(len(values)) if len(values) else None

    def _set(self, values: Any, to: str) -> None:
        if (at := self._at(values)) is not None:
            values[at] = to

    def input_renamed(self) -> None:  # noqa: D102
        self._set(self.node.input, "nowhere")

    def input_of_another(self) -> None:  # noqa: D102
        self._set(self.node.input, self._name())

    def input_dropped(self) -> None:  # noqa: D102
        if (at := self._at(self.node.input)) is not None:
            del self.node.input[at]

    def input_left_out(self) -> None:  # noqa: D102
        self._set(self.node.input, "")

    def input_doubled(self) -> None:  # noqa: D102
        self.node.input.append(self._name())

    def output_renamed(self) -> None:  # noqa: D102
        self._set(self.node.output, "elsewhere")

    def output_of_another(self) -> None:  # noqa: D102
        self._set(self.node.output, self._name())

    def output_dropped(self) -> None:  # noqa: D102
        if (at := self._at(self.node.output)) is not None:
            del self.node.output[at]

    def output_left_out(self) -> None:  # noqa: D102
        self._set(self.node.output, "")

    def output_added(self) -> None:  # noqa: D102
        self.node.output.append("more")

    def attribute_dropped(self) -> None:  # noqa: D102
        if (at := self._at(self.node.attribute)) is not None:
            del self.node.attribute[at]

    def attribute_added(self) -> None:  # noqa: D102
        self.node.attribute.append(helper.make_attribute("slope", 1))

    def attribute_renamed(self) -> None:  # noqa: D102
        if (at := self._at(self.node.attribute)) is not None:
            self.node.attribute[at].name += "s"

    def attribute_retyped(self) -> None:  # noqa: D102
        if (at := self._at(self.node.attribute)) is not None:
            name = self.node.attribute[at].name
            value = self.random.choice([1, 0.5, "text", [1, 2], [0.5, 1.5], ["a", "b"]])
            self.node.attribute[at].CopyFrom(helper.make_attribute(name, value))

    def attribute_twice(self) -> None:  # noqa: D102
        if (at := self._at(self.node.attribute)) is not None:
            self.node.attribute.append(self.node.attribute[at])

    def opset_changed(self) -> None:  # noqa: D102
        if (at := self._at(self.model.opset_import)) is not None:
            self.model.opset_import[at].version = self.random.randint(1, 28)

    def import_dropped(self) -> None:  # noqa: D102
        if (at := self._at(self.model.opset_import)) is not None:
            del self.model.opset_import[at]

    def ir_version_changed(self) -> None:  # noqa: D102
        self.model.ir_version = self.random.choice([3, 4, 7, 8, 10, 13])

    def operator_changed(self) -> None:  # noqa: D102
        names = sorted(operator_names("ai.onnx"))
        self.node.op_type = self.random.choice([*names, "Unheard"])

    def node_copied(self) -> None:  # noqa: D102
        self.graph.node.append(self.node)

    def node_copied_with_new_names(self) -> None:  # noqa: D102
        copy = self.graph.node.add()
        copy.CopyFrom(self.node)
        copy.name = "copy"
        for at, name in enumerate(copy.output):
            copy.output[at] = f"{name}_copy" if name else ""

    def node_dropped(self) -> None:  # noqa: D102
        if (at := self._at(self.graph.node)) is not None:
            del self.graph.node[at]

    def node_moved(self) -> None:  # noqa: D102
        if (at := self._at(self.graph.node)) is not None:
            moved = self.graph.node.pop(at)
            self.graph.node.insert(self.random.randint(0, len(self.graph.node)), moved)

    def nodes_of_one_name(self) -> None:  # noqa: D102
        for node in self.graph.node[:2]:
            node.name = "same"

    def circle_closed(self) -> None:  # noqa: D102
        at = list(self.graph.node).index(self.node) if self.graph.node else 0
        later = [name for node in self.graph.node[at:] for name in node.output if name]
        if later:
            self._set(self.node.input, self.random.choice(later))

    def graph_output_renamed(self) -> None:  # noqa: D102
        if (at := self._at(self.graph.output)) is not None:
            if isinstance(self.graph, onnx.FunctionProto):
                self.graph.output[at] = "nothing"
            else:
                self.graph.output[at].name = self.random.choice(["nothing", self._name()])

    def graph_input_twice(self) -> None:  # noqa: D102
        if (at := self._at(self.graph.input)) is not None:
            self.graph.input.append(self.graph.input[at])

    def graph_input_renamed(self) -> None:  # noqa: D102
        if (at := self._at(self.graph.input)) is not None and not isinstance(
            self.graph, onnx.FunctionProto
        ):
            self.graph.input[at].name = self.random.choice(["unread", self._name()])

    def initializer_added(self) -> None:  # noqa: D102
        if not isinstance(self.graph, onnx.FunctionProto):
            name = self.random.choice(["unread", self._name()])
            self.graph.initializer.append(helper.make_tensor(name, 1, [1], [0.0]))

    def initializer_twice(self) -> None:  # noqa: D102
        held = [] if isinstance(self.graph, onnx.FunctionProto) else self.graph.initializer
        if (at := self._at(held)) is not None:
            self.graph.initializer.append(held[at])


KINDS: dict[str, Callable[[Mutation], None]] = {
    name: made
    for name, made in vars(Mutation).items()
    if not name.startswith("_") and callable(made)
}


def mutant(number: int, held: list[tuple[str, onnx.ModelProto]]) -> tuple[str, str, bytes]:
    """The mutation, the seed's name and the bytes of the mutant of that number."""
    random = Random(number)
    seed, original = random.choice(held)
    model = onnx.ModelProto()
    model.CopyFrom(original)
    kind = random.choice(sorted(KINDS))
    KINDS[kind](Mutation(model, random))
    return kind, seed, model.SerializeToString()


# -- who says what ---------------------------------------------------------------------------------


def answer(pipe: Connection) -> None:
    """Check models as they come, in a child: the checker may abort its process."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    while True:
        what, data = pipe.recv()
        try:
            if what == "onnx":
                onnx.checker.check_model(data, full_check=True)
            else:
                onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
            pipe.send("")
        except Exception as error:  # noqa: BLE001 # whatever it raises is its answer
            pipe.send(" ".join(str(error).split()) or type(error).__name__)


class Judge:
    """A child that is asked again and again, and replaced when it dies."""

    def __init__(self) -> None:
        self.deaths = 0
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._child = multiprocessing.get_context("spawn").Process(
            target=answer, args=(theirs,), daemon=True
        )
        self._child.start()
        theirs.close()

    def ask(self, what: str, data: bytes) -> str:
        """What ``onnx`` or ``runtime`` refuses the model for; empty where it accepts it."""
        try:
            self._pipe.send((what, data))
            if self._pipe.poll(SECONDS):
                return str(self._pipe.recv())
        except (EOFError, BrokenPipeError):
            pass
        self._child.kill()
        self._child.join()
        self.deaths += 1
        self._start()
        return "died"


def permissive(folder: Path) -> Path:
    """A list that allows every operator of ONNX, so that the rules on valid graphs are left."""
    names = "".join(
        f"  - {{domain: {domain}, names: [{', '.join(f'{n!r}' for n in sorted(found))}]}}\n"
        for domain in (*LATEST_OPSET, "com.microsoft")
        if (found := operator_names(domain))
    )
    path = folder / "any.yaml"
    path.write_text(
        f"schema: 1\nid: any\nir_version: 3..{LATEST_IR}\n"
        f"operators:\n{names}  - {{name: Unheard}}\n"
        "policy: {functions: allow, training_info: allow, external_data: allow}\n",
        encoding="utf-8",
    )
    return path


def shape_of(message: str) -> str:
    """A message of the checker without the names and numbers of the model at hand."""
    message = re.sub(r"==> Context.*|\[[A-Za-z]+Error\]", "", message)
    message = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|\d+", "_", message)
    return re.sub(r"name: \S* ?OpType: \S*|for operator \S+|for \S+ with", "", message)[:90].strip()


# -- the run ---------------------------------------------------------------------------------------


def main() -> int:
    """Run the mutants and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=5_000, help="how many (default: 5000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="say all of this one")
    options = parser.parse_args()
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        policy = load_allowlist(permissive(Path(folder)))
    judge = Judge()
    held = [each for each in seeds() if not judge.ask("onnx", each[1].SerializeToString())]

    def refusing(data: bytes, warned: bool = False) -> dict[str, str]:
        findings = scan_bytes(data, "m.onnx", policy).findings
        return {f.code: f.message for f in findings if f.fails is not warned and f.code in CODES}

    def left_out(theirs: str, data: bytes) -> str:
        for what, pattern in LATER.items():
            if pattern.search(theirs) and (what != "order" or "OG154" in refusing(data, True)):
                return what
        return theirs if theirs == "died" else ""

    before = {name: refusing(model.SerializeToString()) for name, model in held}
    alarms = {name: found for name, found in before.items() if found}
    print(f"{len(held):,} models that the checker accepts; refused here: {alarms or 'none'}")
    if options.only is not None:
        kind, seed, data = mutant(options.only, held)
        print(kind, seed, onnx.printer.to_text(onnx.load_from_string(data)), sep="\n")
        print(
            "checker:", judge.ask("onnx", data) or "accepts", "\nscan:", refusing(data) or "accepts"
        )
        print("runtime:", judge.ask("runtime", data) or "accepts")
        return 0
    started = time.perf_counter()
    counts: Counter[str] = Counter()
    out: dict[str, list[int]] = defaultdict(list)
    missed: dict[str, list[int]] = defaultdict(list)
    alarm: dict[str, list[int]] = defaultdict(list)
    for number in range(options.first, options.first + options.mutants):
        kind, seed, data = mutant(number, held)
        theirs, ours = judge.ask("onnx", data), refusing(data)
        later = left_out(theirs, data) if theirs and not ours else ""
        if later:
            counts[f"left out: {later}"] += 1
            out[f"{later}: {shape_of(theirs)}"].append(number)
        elif theirs:
            counts["refused by both" if ours else "missed"] += 1
            if not ours:
                missed[f"{kind}: {shape_of(theirs)}"].append(number)
        elif ours.keys() - RUNTIME_ONLY:
            counts["false alarm"] += 1
            alarm[f"{kind}: {' '.join(sorted(ours))}"].append(number)
        elif ours:
            counts["refused here and by ONNX Runtime's rules alone"] += 1
            alarm[f"{kind}: {' '.join(sorted(ours))}"].append(number)
        else:
            counts["accepted by both"] += 1
    report(counts, time.perf_counter() - started, options.mutants, judge)
    for title, classes in (("missed", missed), ("refused here alone", alarm), ("left out", out)):
        for name, numbers in sorted(classes.items(), key=lambda item: -len(item[1])):
            said = judge.ask("runtime", mutant(numbers[0], held)[2]) or "accepts it"
            print(f"{title}: {len(numbers):,} {name}")
            print(f"    mutant {numbers[0]}; ONNX Runtime: {said[:120]}")
    return 0


def report(counts: Counter[str], seconds: float, mutants: int, judge: Judge) -> None:
    """Print the totals and the two rates."""
    print(f"onnxguard {__version__}, onnx {onnx.__version__}: {mutants:,} mutants, {seconds:.0f} s")
    for name, count in counts.most_common():
        print(f"{count:>10,}  {name}")
    refused = counts["refused by both"] + counts["missed"]
    accepted = counts["accepted by both"] + counts["false alarm"]
    accepted += counts["refused here and by ONNX Runtime's rules alone"]
    print(f"of {refused:,} that the checker refuses, refused here: ", end="")
    print(f"{counts['refused by both'] / max(refused, 1):.2%}")
    print(f"of {accepted:,} that it accepts, refused here: ", end="")
    print(f"{counts['false alarm'] / max(accepted, 1):.2%}; the checker died {judge.deaths} times")


if __name__ == "__main__":
    sys.exit(main())
