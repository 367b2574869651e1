"""Who gives each value, in which order, and whether twice (OG150 to OG157, OG165, OG168).

Names are looked up as ONNX does: in the graph itself, then in the graphs around it. A graph inside
a node sees what stands before that node; what it reads is read by the node. All is done in one walk
through the tree of graphs; ``Sight`` says what each name means where the walk is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain

from onnxguard.base.findings import Place, Severity
from onnxguard.base.printable import identifier, printable
from onnxguard.model.constants import CONSTANT
from onnxguard.model.graph import Graph, Model
from onnxguard.rules.collector import Weighed

OUTSIDE = -1
"""Stands for the index of a node where an input or an initializer gives a value."""

SHOWN = 6
"""Nodes of a circle that are named."""


class Frame:
    """A graph on the way from its root to where the walk is.

    Attributes:
        giver: the index of the node that gives each name, ``OUTSIDE`` for inputs and initializers;
            None until something asks for it.
        inside: the node whose graph the walk is in.
        captured: pairs of nodes: the graphs of the second read what the first gives.
        backward: pairs of nodes, the giver of a value and one that reads it and stands before it.
    """

    __slots__ = ("backward", "captured", "giver", "graph", "inside")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.giver: dict[bytes, int] | None = None
        self.inside = len(graph.nodes)
        self.captured: list[tuple[int, int]] = []
        self.backward: list[tuple[int, int]] = []

    def givers(self) -> dict[bytes, int]:
        """``giver``, of two nodes the first."""
        if self.giver is None:
            graph = self.graph
            self.giver = dict.fromkeys(chain(given(graph), stored(graph)), OUTSIDE)
            for index, node in enumerate(graph.nodes):
                for name in node.outputs:
                    self.giver.setdefault(name, index)
            self.giver.pop(b"", None)
        return self.giver

    def shows(self, name: bytes) -> bool:
        """Whether a name that this graph gives can be seen where the walk is."""
        return self.givers()[name] < self.inside


class Sight:
    """The graphs around that give each name, the innermost last.

    With each stands whether one around it shows the name already.
    """

    def __init__(self, known: set[bytes]) -> None:
        self.known = known
        self._frames: dict[bytes, list[tuple[Frame, bool]]] = {}

    def __bool__(self) -> bool:
        return bool(self._frames)

    def find(self, name: bytes) -> Frame | None:
        """The innermost graph that gives a name."""
        frames = self._frames.get(name)
        return frames[-1][0] if frames else None

    def shown(self, name: bytes) -> bool:
        """Whether a value of that name can be seen from inside."""
        frames = self._frames.get(name)
        if not frames:
            return False
        frame, shown = frames[-1]
        return shown or frame.shows(name)

    def shadowed(self, names: set[bytes]) -> set[bytes]:
        """Those of the names that can be seen from inside."""
        return {name for name in names & self._frames.keys() if self.shown(name)}

    def enter(self, frame: Frame) -> None:
        """Go into the graphs inside a graph."""
        for name in frame.givers():
            shown = self.shown(name)
            self._frames.setdefault(name, []).append((frame, shown))

    def leave(self, frame: Frame) -> None:
        """Come back from them."""
        for name in frame.givers():
            frames = self._frames[name]
            frames.pop()
            if not frames:
                del self._frames[name]


def check_names(model: Model, say: Weighed) -> None:
    """Check the names of every graph of a model."""
    before_ir_4 = model.ir_version is not None and model.ir_version < 4
    training = {id(graph) for graph in model.training}
    known = set(_known_to_training(model))
    for root in model.graphs:
        if root.parent is not None:
            continue
        sight = Sight(known if id(root) in training else set())
        path: list[Frame] = []
        pending: list[tuple[Graph, bool]] = [(root, False)]
        while pending:
            graph, done = pending.pop()
            if done:
                frame = path.pop()
                if graph.subgraphs:
                    sight.leave(frame)
                _order(frame, say)
                continue
            if path:
                path[-1].inside = graph.owner if graph.owner >= 0 else len(path[-1].graph.nodes)
            frame = Frame(graph)
            _check(frame, sight, say)
            if before_ir_4:
                _not_inputs(graph, say)
            path.append(frame)
            pending.append((graph, True))
            if graph.subgraphs:
                sight.enter(frame)
                pending += [(inner, False) for inner in reversed(graph.subgraphs)]


def _known_to_training(model: Model) -> Iterable[bytes]:
    """What a training graph may read besides its own: the model's values and all weights."""
    for value in (*model.graph.inputs, *model.graph.outputs) if model.training else ():
        yield value.name
    for graph in (model.graph, *model.training) if model.training else ():
        yield from stored(graph)


def given(graph: Graph) -> list[bytes]:
    """The names of a graph's inputs, or of the function's whose body it is."""
    if graph.parent is None and graph.function is not None:
        return graph.function.inputs
    return [value.name for value in graph.inputs]


def stored(graph: Graph) -> list[bytes]:
    """The names of a graph's initializers, the sparse ones last."""
    sparse = [s.values.name if s.values else b"" for s in graph.sparse_initializers]
    return [*[tensor.name for tensor in graph.initializers], *sparse]


def _check(frame: Frame, sight: Sight, say: Weighed) -> None:
    """Check what one graph gives, reads and declares; the usual one needs few set operations."""
    graph, nodes = frame.graph, frame.graph.nodes
    inputs, weights = given(graph), stored(graph)
    outside = {b"", *inputs, *weights}
    values = outside | sight.known
    known, add, late, before = values.issuperset, values.update, [], len(values)
    for index, node in enumerate(nodes):
        if not known(node.inputs):
            late.append(index)
        add(node.outputs)
    for index in late:
        _reads(frame, index, sight, say)
    if (
        len(values) - before != sum([len(node.outputs) for node in nodes])
        or len(set(inputs)) != len(inputs)
        or len(set(weights)) != len(weights)
    ):
        _twice(graph, inputs, weights, say)
    if sight.known:
        values = outside.union(*[node.outputs for node in nodes])
    if sight:
        _shadows(graph, sight.shadowed(values), say)
    _outputs(graph, values, sight, say)
    if len({node.name for node in nodes}) != len(nodes):
        _node_names(graph, say)


# -- what is read ---------------------------------------------------------------------------------


def _reads(frame: Frame, index: int, sight: Sight, say: Weighed) -> None:
    """Find the inputs of a node that no node before it gives."""
    graph, giver = frame.graph, frame.givers()
    node = graph.nodes[index]
    for name in node.inputs:
        if name in giver:
            if giver[name] >= index:
                frame.backward.append((giver[name], index))
            continue
        outer = sight.find(name)
        if outer is not None:
            pair = outer.givers()[name], outer.inside
            if pair[0] != OUTSIDE:
                outer.captured.append(pair)
            if pair[0] >= pair[1]:
                outer.backward.append(pair)
        elif name and name not in sight.known:
            say(
                "OG150",
                '{} reads "{}", which nothing gives',
                (name,),
                partial(graph.node_place, index),
                "correct the name, or add the node or the initializer that was lost",
                node.operator,
            )


def _outputs(graph: Graph, values: set[bytes], sight: Sight, say: Weighed) -> None:
    """Find the outputs of a graph, or of a function, that nothing in it gives."""
    of_function = graph.function if graph.parent is None else None
    names = of_function.outputs if of_function else [value.name for value in graph.outputs]
    if of_function is not None:
        if b"" in of_function.inputs:
            text, hint = "an input of the function has no name", "name also what it does not read"
            say("OG168", text, (), partial(_input_place, graph, 0), hint)
        seen = set(of_function.inputs)
        for index, name in enumerate(filter(None, names)):
            if name in seen:
                text = 'the function has two outputs "{}"'
                if name in of_function.inputs:
                    text = 'the function gives its input "{}" back under its own name'
                hint = "pass the value through an Identity of its own"
                say("OG168", text, (name,), partial(_output_place, graph, index), hint)
            seen.add(name)
    for index, name in enumerate(names):
        if name in (values if name in values else sight.known) and name:
            continue
        place: Callable[[], Place] = partial(_output_place, graph, index)
        if not name:
            hint = "name the value that is meant"
            say("OG151", "an output has no name", (), place, hint)
        elif sight.find(name):
            text = 'a graph inside a node declares the output "{}", which is a value around it'
            say("OG156", text, (name,), place, "pass it through an Identity inside")
        else:
            hint = "correct the name, or add the node that gives it"
            say("OG151", 'the output "{}" is given by nothing', (name,), place, hint)


# -- what is given --------------------------------------------------------------------------------


def _twice(graph: Graph, inputs: list[bytes], weights: list[bytes], say: Weighed) -> None:
    """Find names that two inputs, two initializers, or a node and something else give."""
    hint = "keep the one that is meant, and rename or delete the other"
    for names, what, place in (
        (inputs, "inputs", _input_place),
        (weights, "initializers", _weight_place),
    ):
        seen = {b""}
        for index, name in enumerate(names):
            if name in seen and name:
                text = f'two {what} have the name "{{}}"'
                say("OG152", text, (name,), partial(place, graph, index), hint)
            seen.add(name)
    source = dict.fromkeys(inputs, "an input") | dict.fromkeys(weights, "an initializer")
    for index, node in enumerate(graph.nodes):
        for name in filter(None, node.outputs):
            if name in source:
                text = f'{{}} gives "{{}}", and so does {source[name]}'
                place = partial(graph.node_place, index)
                say("OG152", text, (name,), place, hint, node.operator)
            source.setdefault(name, "another node")


def _shadows(graph: Graph, shadowed: set[bytes], say: Weighed) -> None:
    """Say which names of a graph are those of values around it."""
    text = '"{}" is also the name of a value around this graph'
    hint = "rename the value inside: programs differ in which of the two is read"
    for names, place in ((given(graph), _input_place), (stored(graph), _weight_place)):
        for index, name in enumerate(names if shadowed else ()):
            if name in shadowed:
                say("OG155", text, (name,), partial(place, graph, index), hint)
    for index, node in enumerate(graph.nodes if shadowed else ()):
        for name in shadowed.intersection(node.outputs):
            say("OG155", text, (name,), partial(graph.node_place, index), hint)


def _not_inputs(graph: Graph, say: Weighed) -> None:
    """Find initializers that are no inputs."""
    inputs = set(given(graph))
    for index, tensor in enumerate(graph.initializers):  # of sparse ones nobody asks it
        if tensor.name not in inputs:
            text = "an initializer is not an input of its graph, as it must be before IR version 4"
            place = partial(_weight_place, graph, index)
            say("OG165", text, (), place, "declare IR version 4 or later")


def _node_names(graph: Graph, say: Weighed) -> None:
    """Find nodes that have the name of another one; ONNX Runtime has no Constant nodes."""
    seen = {b""}
    for index, node in enumerate(graph.nodes):
        if node.operator == CONSTANT:
            continue
        if node.name in seen and node.name:
            say(
                "OG157",
                'two nodes have the name "{}"',
                (node.name,),
                partial(graph.node_place, index),
                "give every node a name of its own, or none",
            )
        seen.add(node.name)


# -- where it is ----------------------------------------------------------------------------------


def _input_place(graph: Graph, index: int) -> Place:
    if graph.parent is None and graph.function is not None:
        return graph.function.place
    value = graph.inputs[index]
    return graph.place(f'input {index} "{printable(value.name)}"', value.start, value.end)


def _output_place(graph: Graph, index: int) -> Place:
    if graph.parent is None and graph.function is not None:
        return graph.function.place
    value = graph.outputs[index]
    return graph.place(f'output {index} "{printable(value.name)}"', value.start, value.end)


def _weight_place(graph: Graph, index: int) -> Place:
    if index < len(graph.initializers):
        return graph.initializer_place(index)
    index -= len(graph.initializers)
    sparse = graph.sparse_initializers[index]
    return graph.place(f"sparse_initializer {index}", sparse.start, sparse.end)


# -- the order ------------------------------------------------------------------------------------


def _order(frame: Frame, say: Weighed) -> None:
    """Tell a circle from nodes that only stand in another order than they run."""
    if not frame.backward:
        return
    graph = frame.graph
    circle = _circle(frame)
    if circle:
        shown = [f"{identifier(graph.nodes[i].operator.op_type[:64])}_{i}" for i in circle[:SHOWN]]
        more = f" and {len(circle) - SHOWN} more" if len(circle) > SHOWN else ""
        say(
            "OG153",
            f"nodes read each other in a circle: {{}}{more}",
            (", ".join(shown).encode(),),
            partial(graph.node_place, circle[0]),
            "break the circle: what goes from round to round belongs in a Loop or a Scan",
        )
        return
    hint, severity = "sort the nodes topologically: not every runtime does it", None
    if graph.function is not None:
        hint, severity = "sort the nodes: no runtime does it in a function", Severity.ERROR
    for index in sorted({reader for _, reader in frame.backward}):
        place = partial(graph.node_place, index)
        say("OG154", "a node stands before one that it reads", (), place, hint, severity=severity)


def _circle(frame: Frame) -> list[int]:
    """The nodes of a circle, each read by the next; empty if there is none.

    Nodes are taken away as long as one has nothing left that it reads. Each that stays reads
    another one that stays, so that following these ends in a circle.
    """
    nodes, giver = frame.graph.nodes, frame.givers()
    reads = [[i for name in node.inputs if (i := giver.get(name, OUTSIDE)) >= 0] for node in nodes]
    for source, reader in frame.captured:
        if reader < len(nodes):
            reads[reader].append(source)
    readers: list[list[int]] = [[] for _ in nodes]
    for reader, sources in enumerate(reads):
        for source in sources:
            readers[source].append(reader)
    waiting = list(map(len, reads))
    free = [index for index, count in enumerate(waiting) if not count]
    while free:
        for reader in readers[free.pop()]:
            waiting[reader] -= 1
            if not waiting[reader]:
                free.append(reader)
    at = next((index for index, count in enumerate(waiting) if count), None)
    if at is None:
        return []
    steps: dict[int, int] = {}
    while at not in steps:
        steps[at] = len(steps)
        at = next(source for source in reads[at] if waiting[source])
    return list(steps)[steps[at] :][::-1]
