"""Break valid models inside their functions, bodies and types, and ask three who sees it.

    python -m benchmarks.deep_mutants --mutants 20000

What benchmarks/validity.py changes at the surface is changed here where few programs look: a model
is first put whole into a function, a branch, a loop's body, or one in another; then a function's
outputs, imports or attributes change, graphs are swapped, tensors and declarations get other types,
sequences, optionals and sparse tensors among them. Asked are the scan, onnx's checker
(``full_check``) and ONNX Runtime, which loads the model. Printed is every class in which they
differ. Mutant number N is always the same model; ``--only N`` says all of one. Needs the extra
``dev``.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import onnx
from onnx import AttributeProto, TensorProto, helper

from benchmarks.type_mutants import DTYPES, is_about_types, refill
from benchmarks.validity import Judge, Mutation, graphs, permissive, seeds, shape_of
from onnxguard import load_allowlist, scan_bytes

LIST = re.compile(r"OG(10|20|30|40|60[2-9]|70)")
"""Rules that judge by the list, or by what a limit says, and not by what ONNX calls valid."""

UNSUPPORTED = re.compile(
    r"NOT_IMPLEMENTED|under development|Unsupported model IR"
    r"|ai\.onnx\.preview\S* is not a registered"
)
"""What ONNX Runtime says of a valid model that it does not run."""

NEWEST_IR, NEWEST_OPSET = 13, 26
"""What ONNX Runtime takes."""

UNSHAPED = re.compile(r"Field '(shape|type)' of|Nodes in a graph must be topologically")
"""What the checker asks of a model and no rule calls an error."""

SAID = {
    (False, False, False): "all three accept",
    (False, False, True): "ONNX Runtime alone refuses",
    (False, True, False): "the checker alone refuses",
    (False, True, True): "the scan alone accepts",
    (True, False, False): "the scan alone refuses",
    (True, False, True): "the checker alone accepts",
    (True, True, False): "ONNX Runtime alone accepts",
    (True, True, True): "all three refuse",
}
"""By whether the scan, the checker and ONNX Runtime refuse a model."""

Model = onnx.ModelProto


# -- where a model is put --------------------------------------------------------------------------


def into_function(model: Model) -> None:
    """All nodes become a function, which the graph calls."""
    graph = model.graph
    given = [*(v.name for v in graph.input), *(t.name for t in graph.initializer)]
    given = list(dict.fromkeys(given))
    outputs = [v.name for v in graph.output]
    function = helper.make_function(
        "local", f"Whole{len(model.functions)}", given, outputs, graph.node, model.opset_import
    )
    del graph.node[:]
    graph.node.append(helper.make_node(function.name, given, outputs, domain="local"))
    model.functions.append(function)
    if all(opset.domain != "local" for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid("local", 1))
    model.ir_version = max(model.ir_version, 8)


def _inner(model: Model) -> onnx.GraphProto:
    """The nodes and initializers as a graph without inputs, which reads those around it."""
    graph = model.graph
    inner = helper.make_graph(graph.node, "inner", [], graph.output, graph.initializer)
    inner.value_info.extend(graph.value_info)
    made = {name for node in graph.node for name in node.output if name}
    for node in inner.node:
        for at, name in enumerate(node.output):
            node.output[at] = f"{name}_in" if name else ""
    for node in inner.node:
        for at, name in enumerate(node.input):
            node.input[at] = f"{name}_in" if name in made else name
    for value in inner.output:
        value.name = f"{value.name}_in" if value.name in made else value.name
    del inner.value_info[:]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    return inner


def into_branch(model: Model) -> None:
    """All nodes become both branches of an If."""
    outputs = [v.name for v in model.graph.output]
    inner = _inner(model)
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    model.graph.node.append(
        helper.make_node("If", ["yes"], outputs, then_branch=inner, else_branch=inner)
    )


def into_loop(model: Model) -> None:
    """All nodes become the body of a Loop that carries nothing and stacks its outputs."""
    outputs = [v.name for v in model.graph.output]
    inner = _inner(model)
    boolean = helper.make_tensor_value_info("more", TensorProto.BOOL, [])
    inner.input.extend([helper.make_tensor_value_info("round", TensorProto.INT64, []), boolean])
    going = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
    kept = list(inner.output)
    del inner.output[:]
    inner.output.extend([going, *kept])
    inner.node.append(helper.make_node("Identity", ["more"], ["going"]))
    model.graph.initializer.append(helper.make_tensor("rounds", TensorProto.INT64, [], [2]))
    model.graph.node.append(helper.make_node("Loop", ["rounds", ""], outputs, body=inner))
    for value in model.graph.output:
        shape = value.type.tensor_type.shape
        dims = [onnx.TensorShapeProto.Dimension(), *shape.dim]
        del shape.dim[:]
        shape.dim.extend(dims)


WRAPS: tuple[tuple[Callable[[Model], None], ...], ...] = (
    (),
    (into_function,),
    (into_branch,),
    (into_loop,),
    (into_branch, into_function),
    (into_function, into_branch),
    (into_function, into_function),
)


# -- what is broken --------------------------------------------------------------------------------


class Deep(Mutation):
    """One change of one model, somewhere inside."""

    def _pick(self, found: list[Any]) -> Any:
        return self.random.choice(found) if found else None

    def _values(self) -> list[onnx.ValueInfoProto]:
        held = [g for g in graphs(self.model) if isinstance(g, onnx.GraphProto)]
        return [v for g in held for v in (*g.input, *g.output, *g.value_info)]

    def _nodes(self) -> list[onnx.NodeProto]:
        return [node for graph in graphs(self.model) for node in graph.node]

    def _bodies(self) -> list[AttributeProto]:
        return [a for node in self._nodes() for a in node.attribute if a.type == 5]

    def _function(self) -> Any:
        return self._pick(list(self.model.functions))

    def tensor_retyped(self) -> None:  # noqa: D102
        held = [g for g in graphs(self.model) if isinstance(g, onnx.GraphProto)]
        found = [t for g in held for t in g.initializer]
        found += [a.t for n in self._nodes() for a in n.attribute if a.type == 4]
        if tensor := self._pick(found):
            refill(self.random, tensor)

    def outputs_swapped(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if len(n.output) > 1]):
            names = list(node.output)
            self.random.shuffle(names)
            node.output[:] = names

    def inputs_swapped(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if len(n.input) > 1]):
            names = list(node.input)
            self.random.shuffle(names)
            node.input[:] = names

    def dtype_attribute(self) -> None:  # noqa: D102
        names = ("to", "dtype", "output_dtype", "stash_type")
        if found := self._pick([a for n in self._nodes() for a in n.attribute if a.name in names]):
            found.i = self.random.choice([*DTYPES, 0, 99])

    def value_of_another_kind(self) -> None:  # noqa: D102
        if value := self._pick(self._values()):
            inner = onnx.TypeProto()
            inner.CopyFrom(value.type)
            value.type.Clear()
            kind = self.random.choice(["sequence", "optional", "sparse", "bare"])
            if kind == "sequence":
                value.type.sequence_type.elem_type.CopyFrom(inner)
            elif kind == "optional":
                value.type.optional_type.elem_type.CopyFrom(inner)
            elif kind == "sparse":
                value.type.sparse_tensor_type.elem_type = inner.tensor_type.elem_type or 1
                value.type.sparse_tensor_type.shape.CopyFrom(inner.tensor_type.shape)
            elif inner.HasField("sequence_type"):
                value.type.CopyFrom(inner.sequence_type.elem_type)
            elif inner.HasField("optional_type"):
                value.type.CopyFrom(inner.optional_type.elem_type)
            else:
                value.type.CopyFrom(helper.make_tensor_type_proto(7, None))

    def element_retyped(self) -> None:  # noqa: D102
        if value := self._pick(self._values()):
            inner = value.type
            for _ in range(4):
                if inner.HasField("sequence_type"):
                    inner = inner.sequence_type.elem_type
                elif inner.HasField("optional_type"):
                    inner = inner.optional_type.elem_type
            inner.tensor_type.elem_type = self.random.choice(DTYPES)

    def declared_inside(self) -> None:  # noqa: D102
        held = [g for g in graphs(self.model) if isinstance(g, onnx.GraphProto) and g.node]
        if graph := self._pick(held):
            names = [name for node in graph.node for name in node.output if name]
            if names:
                dtype = self.random.choice(DTYPES)
                name = self.random.choice(names)
                graph.value_info.append(helper.make_tensor_value_info(name, dtype, None))

    def initializer_made_sparse(self) -> None:  # noqa: D102
        held = [g for g in graphs(self.model) if isinstance(g, onnx.GraphProto) and g.initializer]
        if graph := self._pick(held):
            at = self.random.randrange(len(graph.initializer))
            tensor = graph.initializer.pop(at)
            values = helper.make_tensor(tensor.name, tensor.data_type, [0], b"", raw=True)
            indices = helper.make_tensor("", TensorProto.INT64, [0], [])
            graph.sparse_initializer.append(
                helper.make_sparse_tensor(values, indices, list(tensor.dims) or [1])
            )

    def branches_swapped(self) -> None:  # noqa: D102
        bodies = self._bodies()
        if len(bodies) > 1:
            one, other = self.random.sample(bodies, 2)
            held = onnx.GraphProto()
            held.CopyFrom(one.g)
            if one.g.ByteSize() + other.g.ByteSize() < 1 << 20:
                one.g.CopyFrom(other.g)

    def body_from_the_graph(self) -> None:  # noqa: D102
        if body := self._pick(self._bodies()):
            held = onnx.GraphProto()
            held.CopyFrom(self.model.graph)
            body.g.CopyFrom(held)

    def body_output_retyped(self) -> None:  # noqa: D102
        if body := self._pick([a for a in self._bodies() if a.g.output]):
            value = self.random.choice(body.g.output)
            name = f"{value.name}_cast"
            to = self.random.choice(DTYPES)
            body.g.node.append(helper.make_node("Cast", [value.name], [name], to=to))
            value.name = name
            value.type.Clear() if self.random.random() < 0.3 else None
            if value.type.HasField("tensor_type") and self.random.random() < 0.7:
                value.type.tensor_type.elem_type = to

    def body_output_dropped(self) -> None:  # noqa: D102
        if body := self._pick([a for a in self._bodies() if a.g.output]):
            del body.g.output[self.random.randrange(len(body.g.output))]

    def body_output_doubled(self) -> None:  # noqa: D102
        if body := self._pick([a for a in self._bodies() if a.g.output]):
            body.g.output.append(self.random.choice(body.g.output))

    def body_input_added(self) -> None:  # noqa: D102
        if body := self._pick(self._bodies()):
            body.g.input.append(helper.make_tensor_value_info("more_in", 1, None))

    def function_output_renamed(self) -> None:  # noqa: D102
        if function := self._function():
            names = [name for node in function.node for name in node.output if name]
            self._set(function.output, self.random.choice([*names, *function.input, "nothing"]))

    def function_output_dropped(self) -> None:  # noqa: D102
        if (function := self._function()) and function.output:
            del function.output[self.random.randrange(len(function.output))]

    def function_input_dropped(self) -> None:  # noqa: D102
        if (function := self._function()) and function.input:
            del function.input[self.random.randrange(len(function.input))]

    def function_input_twice(self) -> None:  # noqa: D102
        if (function := self._function()) and function.input:
            function.input.append(function.input[0])

    def function_import_changed(self) -> None:  # noqa: D102
        if (function := self._function()) and function.opset_import:
            opset = self.random.choice(function.opset_import)
            opset.version = self.random.choice([1, 6, 7, 9, 10, 11, 12, 13, 17, 18, 21, 24])

    def function_import_dropped(self) -> None:  # noqa: D102
        if (function := self._function()) and function.opset_import:
            del function.opset_import[self.random.randrange(len(function.opset_import))]

    def function_import_spelled(self) -> None:  # noqa: D102
        if function := self._function():
            for opset in function.opset_import:
                opset.domain = opset.domain or "ai.onnx"

    def function_calls_itself(self) -> None:  # noqa: D102
        if function := self._function():
            call = helper.make_node(
                function.name, list(function.input), [f"{n}_again" for n in function.output]
            )
            call.domain = function.domain
            function.node.append(call)
            function.opset_import.append(helper.make_opsetid(function.domain, 1))

    def function_twice(self) -> None:  # noqa: D102
        if function := self._function():
            self.model.functions.append(function)

    def function_gone(self) -> None:  # noqa: D102
        if self.model.functions:
            del self.model.functions[self.random.randrange(len(self.model.functions))]

    def function_reads_around(self) -> None:  # noqa: D102
        if (function := self._function()) and (node := self._pick(list(function.node))):
            around = [v.name for v in self.model.graph.input] + ["yes", "rounds"]
            self._set(node.input, self.random.choice(around))

    def reference(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if n.attribute]):
            attribute = self.random.choice(node.attribute)
            kind, name = attribute.type, attribute.name
            attribute.Clear()
            attribute.name, attribute.type, attribute.ref_attr_name = name, kind, "outer"
            if (function := self._function()) and self.random.random() < 0.7:
                function.attribute.append("outer")

    def call_attribute(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if n.domain == "local"]):
            node.attribute.append(helper.make_attribute("unasked", 1))

    def call_input_added(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if n.domain == "local"]):
            node.input.append(self._name())

    def call_input_dropped(self) -> None:  # noqa: D102
        if (node := self._pick([n for n in self._nodes() if n.domain == "local"])) and node.input:
            node.input.pop()

    def call_output_added(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if n.domain == "local"]):
            node.output.append("one_more")

    def domain_spelled(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if not n.domain]):
            node.domain = "ai.onnx"

    def domain_of_another(self) -> None:  # noqa: D102
        if node := self._pick(self._nodes()):
            node.domain = self.random.choice(["ai.onnx.ml", "com.microsoft", "local", "elsewhere"])

    def overload(self) -> None:  # noqa: D102
        if node := self._pick(self._nodes()):
            node.overload = "other"

    def attribute_says_another_type(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if n.attribute]):
            self.random.choice(node.attribute).type = self.random.choice(range(15))

    def attribute_emptied(self) -> None:  # noqa: D102
        if node := self._pick([n for n in self._nodes() if n.attribute]):
            attribute = self.random.choice(node.attribute)
            kept = attribute.name, attribute.type
            attribute.Clear()
            attribute.name, attribute.type = kept

    def opset_lowered(self) -> None:  # noqa: D102
        for opset in self.model.opset_import:
            if not opset.domain:
                opset.version = self.random.choice([7, 8, 9, 10, 11, 12, 13, 15, 16, 18])

    def sequence_made(self) -> None:  # noqa: D102
        if (node := self._pick([n for n in self._nodes() if any(n.input)])) is None:
            return
        graph = next(g for g in graphs(self.model) if any(n is node or n == node for n in g.node))
        at = self.random.choice([i for i, name in enumerate(node.input) if name])
        made = self.random.choice(["SequenceConstruct", "Optional"])
        before = helper.make_node(made, [node.input[at]], ["wrapped"])
        index = next(i for i, each in enumerate(graph.node) if each == node)
        graph.node[index].input[at] = "wrapped"
        graph.node.insert(index, before)


KINDS = sorted(
    name for name, made in vars(Deep).items() if not name.startswith("_") and callable(made)
)


def mutant(number: int, held: list[tuple[str, Model]]) -> tuple[str, str, bytes]:
    """The mutation, the seed's name with where it was put, and the bytes of the mutant."""
    random = Random(number)
    name, original = random.choice(held)
    model = Model()
    model.CopyFrom(original)
    wraps = random.choice(WRAPS)
    if any(not value.type.HasField("tensor_type") for value in model.graph.output):
        wraps = tuple(wrap for wrap in wraps if wrap is not into_loop)  # it stacks tensors alone
    for wrap in wraps:
        wrap(model)
    kind = random.choice(KINDS)
    if number % 20:  # of twenty one is only put elsewhere
        getattr(Deep(model, random), kind)()
    else:
        kind = "none"
    model.ir_version = min(model.ir_version, NEWEST_IR)
    where = " ".join([name, *(wrap.__name__ for wrap in wraps)])
    return kind, where, model.SerializeToString()


def main() -> int:
    """Run the mutants and print what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=5_000, help="how many (default: 5000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="say all of this one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        policy = load_allowlist(permissive(Path(folder)))
    judge = Judge()
    held = [each for each in seeds() if not judge.ask("onnx", each[1].SerializeToString())]

    def refusing(data: bytes) -> dict[str, str]:
        findings = scan_bytes(data, "m.onnx", policy).findings
        return {f.code: f.message for f in findings if f.fails}

    numbers = range(options.first, options.first + options.mutants)
    classes: dict[tuple[str, str], list[int]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    started = time.perf_counter()
    for number in numbers if options.only is None else [options.only]:
        kind, where, data = mutant(number, held)
        found = refusing(data)
        ours = {code: said for code, said in found.items() if not LIST.match(code)}
        checker, runtime = judge.ask("onnx", data), judge.ask("runtime", data)
        if options.only is not None:
            print(onnx.printer.to_text(onnx.load_from_string(data)))
            print(f"{kind} of {where}\nscan: {found}\nchecker: {checker}\nruntime: {runtime}")
            return 0
        shapes = "InferenceError" in checker and not is_about_types(checker)
        if UNSHAPED.search(checker) or (shapes and not ours):
            what = "left out: shapes or order"
        elif UNSUPPORTED.search(runtime):
            what = "left out: ONNX Runtime does not run such a model"
        elif found and not ours:
            what = "left out: refused by the list"
        else:
            what = SAID[bool(ours), bool(checker), bool(runtime)]
        counts[what] += 1
        said = " ".join(sorted(ours)) or shape_of(checker or runtime)
        classes[what, f"{kind}: {said}"].append(number)
    print(f"{options.mutants:,} mutants, {time.perf_counter() - started:.0f} s")
    for what, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{count:>8,}  {what}")
    for (what, said), found in sorted(
        classes.items(), key=lambda item: (item[0][0], -len(item[1]))
    ):
        if not what.startswith(("all", "left out")):
            print(f"{what}: {len(found):,} {said}; the first {found[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
