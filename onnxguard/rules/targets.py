"""Whether a target runs a model, node by node: its operators, versions and types (OG12x)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache, partial
from itertools import pairwise
from typing import NamedTuple

from onnxguard.base import budget
from onnxguard.base.findings import Place, Severity
from onnxguard.model.graph import Graph, Node, Operator
from onnxguard.model.schemas import Schema, schema_at, since_versions
from onnxguard.model.survey import Survey
from onnxguard.model.type_binding import admitted, formal_at
from onnxguard.model.type_names import shown
from onnxguard.policy.allowlist import DEFAULT_DOMAIN, Allowlist, Range, Wanted
from onnxguard.policy.target import Row, Target, load_target
from onnxguard.rules.collector import Found
from onnxguard.rules.node_facts import NodeFacts, facts_of, fitting
from onnxguard.rules.opsets import Opsets

FLOAT16, FLOAT32 = "tensor(float16)", "tensor(float)"
ABSENT = "absent"
"""Stands for the type of an input or output that is left out."""

Kinds = tuple[tuple[str, ...], tuple[str, ...]]


class Answer(Enum):
    """What a target makes of a node, or of a model."""

    RUNS = "runs"
    FALLS_BACK = "falls back"
    """Another target, such as the CPU, gets it."""
    NAMED = "named"
    """The table names the operator, and says nothing else."""
    UNKNOWN = "unknown"
    REFUSED = "refused"


class Said(NamedTuple):
    """An answer, the rule that speaks of it, why, and what can be done."""

    answer: Answer
    code: str = ""
    why: str = ""
    fix: str = ""


class Blocker(NamedTuple):
    """A node, and what is said of it; ``node`` is -1 of the model as a whole."""

    said: Said
    graph: Graph
    node: int
    operator: str = ""


class Prediction(NamedTuple):
    """What a target makes of a model.

    Attributes:
        target: which one.
        answer: of the whole.
        blockers: all that is not run, in the order of the graphs.
        left: nodes that another target gets.
        pieces: how many runs of neighbouring nodes these are, over all graphs.
        nodes: that were asked about.
    """

    target: Target
    answer: Answer
    blockers: tuple[Blocker, ...]
    left: int
    pieces: int
    nodes: int


_RUNS = Said(Answer.RUNS)


def predict(survey: Survey, target: Target) -> Prediction:
    """Say whether a target runs a model, and which nodes it does not."""
    model = survey.model
    blockers = list(_whole(survey, target))
    functions = {function.id for function in model.functions}
    opsets = Opsets(model)
    rest = load_target(target.rest) if target.rest else None
    left = pieces = nodes = 0

    @cache
    def ask(operator: Operator, opset: int, kinds: Kinds, facts: NodeFacts) -> Said:
        said = ask_one(target, operator, opset, kinds, facts)
        if said.answer is not Answer.REFUSED or rest is None:
            return said
        other = ask_one(rest, operator, opset, kinds, facts)
        if other.answer is Answer.RUNS:
            return said._replace(answer=Answer.FALLS_BACK, code="OG125")
        return other

    @cache
    def judged(operator: Operator) -> frozenset[str]:
        rows = [row for one in (target, rest) if one for row in one.rows(*operator[:2])]
        return frozenset(name for row in rows for name in row.attributes)

    for graph in model.graphs:
        budget.check()
        before = False
        ways = list(_ways(survey, graph))
        for index, node in enumerate(graph.nodes):
            if node.operator in functions:
                continue
            nodes += 1
            opset = opsets.version(graph, node.operator.domain)
            names = judged(node.operator)
            given = facts_of(survey, graph, node, opset, names) if names else ()
            each = {ask(node.operator, opset, kinds(node), given) for kinds in ways}
            said = max(each, key=lambda one: _ORDER.index(one.answer), default=_RUNS)
            falls = said.answer is Answer.FALLS_BACK
            left += falls
            pieces += falls and not before
            before = falls
            if said.answer not in (Answer.RUNS, Answer.NAMED):
                blockers.append(Blocker(said, graph, index, node.operator.label))
    answers = {blocker.said.answer for blocker in blockers}
    if target.names_alone:
        answer = Answer.UNKNOWN if answers else Answer.NAMED
    else:
        answer = max(answers, key=_ORDER.index, default=Answer.RUNS)
    return Prediction(target, answer, tuple(blockers), left, pieces, nodes)


_ORDER = list(Answer)


class _Way:
    """The types of a graph's values, in one of the ways in which it is entered."""

    def __init__(self, survey: Survey, graph: Graph, table: dict[bytes, str]) -> None:
        self._types, self._graph, self._table = survey.scopes.types, graph, table

    def __call__(self, node: Node) -> Kinds:
        """The types of a node's inputs and of its outputs, unknown ones as empty texts."""
        return tuple(map(self._of, node.inputs)), tuple(map(self._of, node.outputs))

    def _of(self, name: bytes) -> str:
        if not name:
            return ABSENT
        if name in self._table:
            return self._table[name]
        kinds = self._types.of(self._graph, name)
        return next(iter(kinds)) if len(kinds) == 1 else ""


def _ways(survey: Survey, graph: Graph) -> Iterator[_Way]:
    tables = survey.scopes.types.tables.get(id(graph), [])
    for table in tables or [{}]:
        yield _Way(survey, graph, table)


def _whole(survey: Survey, target: Target) -> Iterator[Blocker]:
    """What the file as a whole asks for."""
    model = survey.model

    def blocker(why: str, fix: str) -> Blocker:
        return Blocker(Said(Answer.REFUSED, "OG122", why, fix), model.graph, -1)

    newest = target.ir_version
    if newest is not None and (model.ir_version or 0) > newest:
        yield blocker(
            f"IR version {model.ir_version}, {target.id} reads up to {newest}",
            f"save it with ir_version {newest} or lower",
        )
    for opset in model.opsets:
        domain = opset.domain or DEFAULT_DOMAIN
        most = target.opsets.get(domain)
        if most is not None and opset.version > most:
            yield blocker(
                f"{domain} opset {opset.version}, {target.id} has up to {most}",
                f"export at opset {most} or lower",
            )
    if target.model_bytes is not None and model.size > target.model_bytes:
        yield blocker(
            f"{model.size:,} bytes, {target.id} takes up to {target.model_bytes:,}",
            "keep the weights in external data",
        )
    if target.external_data is False and model.has_external_data:
        yield blocker(f"external data, which {target.id} does not read", "keep weights in the file")


def ask_one(
    target: Target, operator: Operator, opset: int, kinds: Kinds, facts: NodeFacts = ()
) -> Said:
    """What a target makes of one node.

    Args:
        target: which one.
        operator: the node's.
        opset: the version of the domain that is imported.
        kinds: the types of the node's inputs and of its outputs, unknown ones as empty texts.
        facts: those of which the target's rows say something.
    """
    domain, op_type, inputs, outputs = *operator[:2], *kinds
    label = operator.label
    rows = target.rows(domain, op_type)
    if not rows:
        if target.names_alone:
            return Said(Answer.UNKNOWN, "OG120", f"{target.id} does not name {label}", _OTHER)
        if target.partial:
            return Said(Answer.UNKNOWN, "OG009", f"{target.id}: {label} was not measured", _TRY)
        return Said(Answer.REFUSED, "OG120", f"{target.id} has no {label}", _OTHER)
    if target.names_alone:
        return Said(Answer.NAMED)
    if any(row.how == "folded" for row in rows):
        return _RUNS
    schema = schema_at(domain, op_type, opset)
    version = opset
    if target.versions == "since":
        version = schema.since_version if schema else 1
    # A function's body is written for the opset that is imported.
    own = [row for row in rows if (opset if row.how == "inlined" else version) in row.versions]
    if not own and target.partial:
        why = f"{target.id}: {label} of opset {opset} was not measured"
        return Said(Answer.UNKNOWN, "OG009", why, _TRY)
    if not own:
        return Said(Answer.REFUSED, "OG121", *_of_version(target, label, domain, op_type, opset))
    if all(row.how == "refused" for row in own):
        return Said(Answer.REFUSED, "OG120", f"{target.id}: no measured {label} runs", _OTHER)
    own, wrong = fitting(own, schema, facts)
    if not own:
        return Said(Answer.REFUSED, "OG124", f"{target.id} has {label}, but {wrong}", _OTHER)
    said = _by_types(target, label, own, schema, inputs, outputs)
    if said.answer is Answer.REFUSED and target.float16_as_float32:
        other = _by_types(target, label, own, schema, *map(_float32, (inputs, outputs)))
        said = said if other.answer is Answer.REFUSED else other
    return said


_OTHER = "export with operators that it has: onnxguard targets show lists them"


def _float32(kinds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([FLOAT32 if kind == FLOAT16 else kind for kind in kinds])


def _of_version(
    target: Target, label: str, domain: str, op_type: str, opset: int
) -> tuple[str, str]:
    """Why no row is of this opset, and at which it would be."""
    rows = target.rows(domain, op_type)
    ranges = [row.versions for row in rows]
    if target.versions == "since":
        known = since_versions(domain, op_type)
        had = [since for since in known if any(since in each for each in ranges)]
        ends = dict(pairwise([*known, 0]))
        ranges = [Range(since, ends[since] - 1 if ends[since] else None) for since in had]
    told = ", ".join(map(str, _joined(ranges))) or "no version of the standard"
    return f"{target.id} has {label} at opset {told}, here it is {opset}", f"export at opset {told}"


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in order, those that follow one another as one."""
    found: list[Range] = []
    for each in sorted(ranges, key=lambda each: (each.low, each.high or 1 << 30)):
        last = found[-1] if found else None
        if last is None or (last.high is not None and each.low > last.high + 1):
            found.append(each)
        elif last.high is not None:
            found[-1] = Range(last.low, None if each.high is None else max(each.high, last.high))
    return found


def _by_types(
    target: Target,
    label: str,
    rows: list[Row],
    schema: Schema | None,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
) -> Said:
    """The best that any row makes of these types."""
    values = list(_values(target, schema, inputs, outputs))
    wrong: list[tuple[str, str, frozenset[str]]] = []
    unknown = ""
    for row in rows:
        misfit = open_ = None
        for role, kind, names, possible in values:
            for name in names & row.types.keys():
                taken = row.types[name]
                if kind and kind not in taken:
                    misfit = misfit or (role, kind, taken)
                elif not kind and not (possible and possible <= taken):
                    open_ = role
        if misfit is not None:
            wrong.append(misfit)
        elif open_ is not None:
            unknown = f"the type of {open_} is unknown"
        elif row.how == "restricted":
            unknown = "its table leaves open whether this node runs"
        else:
            return _RUNS
    if unknown:
        fix = _DECLARE if unknown.startswith("the type") else _TRY
        return Said(Answer.UNKNOWN, "OG009", f"{target.id}: {label}: {unknown}", fix)
    role, kind, _ = wrong[0]
    allowed = {each for at, _, types in wrong if at == role for each in types}
    listed = ", ".join(sorted(map(shown, allowed)))
    why = f"{target.id} has {label}, but {role} is {shown(kind)}, it takes {listed}"
    return Said(Answer.REFUSED, "OG123", why, "cast it to a type that it takes, or export in one")


_TRY = "try the model there"
_DECLARE = "declare it: run onnx.shape_inference.infer_shapes and save its result"
_Value = tuple[str, str, frozenset[str], frozenset[str]]


def _values(
    target: Target, schema: Schema | None, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> Iterator[_Value]:
    """The values of a node that a row's types are about.

    Each with its role, its type, the names under which rows speak of it, and the types that the
    standard admits.
    """
    nothing: frozenset[str] = frozenset()
    if target.types == "none":
        return
    if target.types == "first":
        if inputs or outputs:
            first = ("input 0", inputs[0]) if inputs else ("output 0", outputs[0])
            yield (*first, frozenset({""}), nothing)
        return
    for what, kinds in (("input", inputs), ("output", outputs)):
        for index, kind in enumerate(kinds):
            formal = None
            if kind == ABSENT:
                continue
            if schema is not None:
                formal = formal_at(schema.inputs if what == "input" else schema.outputs, index)
            if target.types == "all":
                yield f"{what} {index}", kind, frozenset({""}), nothing
            elif formal is not None:
                names = frozenset({formal.types, formal.name})
                yield (
                    f"{what} {index}",
                    kind,
                    names,
                    admitted(schema, formal) if schema else nothing,
                )


def check(survey: Survey, policy: Allowlist, found: Found) -> None:
    """Add what the targets that a list asks for say against a model.

    What is not known is told where nothing is refused: a model that cannot run fails.
    """
    asked = [(wanted, predict(survey, load_target(wanted.target))) for wanted in policy.targets]
    refused = any(prediction.answer is Answer.REFUSED for _, prediction in asked)
    for wanted, prediction in asked:
        for blocker in prediction.blockers:
            answer = blocker.said.answer
            told = not wanted.allow_unknown and not refused
            if answer is Answer.REFUSED or (answer is Answer.UNKNOWN and told):
                _add(survey, blocker, found)
        _fallback(survey, wanted, prediction, found)


def _add(survey: Survey, blocker: Blocker, found: Found) -> None:
    said, graph, index, operator = blocker
    place = Place("model", 0, survey.model.size) if index < 0 else partial(graph.node_place, index)
    found.add(said.code, said.why, place, hint=said.fix, operator=operator)


def _fallback(survey: Survey, wanted: Wanted, prediction: Prediction, found: Found) -> None:
    """Say which nodes another provider gets, and judge how many these may be."""
    if not prediction.left:
        return
    left = [each for each in prediction.blockers if each.said.answer is Answer.FALLS_BACK]
    names = sorted({each.operator for each in left})
    named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if names[NAMED:] else "")
    most = wanted.fallback
    allowed = "" if most is None else f", {most} may be"
    found.add(
        "OG125",
        f"{prediction.left} of {prediction.nodes} nodes are left by {prediction.target.id} to "
        f"{prediction.target.rest}{allowed}, in {_count(prediction.pieces)}: {named}",
        partial(left[0].graph.node_place, left[0].node),
        hint="export without these operators" if most is not None else "",
        severity=Severity.NOTE if most is None or prediction.left <= most else None,
    )


def _count(pieces: int) -> str:
    return "1 piece" if pieces == 1 else f"{pieces} pieces"


NAMED = 8
"""Operators that a remark names."""
