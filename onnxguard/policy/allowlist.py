"""An allowlist: which operators, under which conditions, decided when and why."""

from datetime import date
from typing import NamedTuple

from onnxguard.base.budget import SECONDS
from onnxguard.base.findings import Severity, operator_label
from onnxguard.catalogue import Rule
from onnxguard.model.schemas import NOTHING, Declared, Schema, declared_at, schema_at

DEFAULT_DOMAIN = "ai.onnx"
LIMITS = {
    "model_bytes": "bytes of the model file",
    "nodes": "nodes in the file",
    "expanded_nodes": "nodes after every function call is inlined",
    "subgraph_depth": "how deep graphs nest; 0 is flat",
    "loop_nodes": "Loop nodes, function calls inlined",
    "loop_trip_count": "static trip count of one Loop; 0 lets none run",
    "loop_trip_product": "product of the trip counts of Loops that nest",
    "tensor_elements": "elements of one tensor, declared, called for by a constant, or following",
    "constant_elements": "elements that constants call for as shapes, over all nodes",
    "tensor_rank": "dimensions of one tensor",
    "op_type_bytes": "bytes of an op_type",
    "macs": "multiply-accumulates of one run",
    "activation_bytes": "bytes of the tensors that are alive at once while the model runs",
    "largest_tensor": "bytes of the largest tensor that runs through the model",
    "seconds": "CPU seconds that looking at one model may take",
}
"""The limits a list may set, and what each counts."""

COST_LIMITS = ("macs", "activation_bytes", "largest_tensor")
"""Those on what a run costs."""

DEFAULT_LIMITS = {"constant_elements": 1 << 28, "activation_bytes": 1 << 32, "seconds": SECONDS}
"""The limits that hold where a list sets none."""

POLICIES = (
    "functions",
    "runtime_functions",
    "function_graphs",
    "training_info",
    "external_data",
    "external_data_links",
    "unknown_fields",
)
VALIDITY = "validity"
"""The policy on graphs that ONNX does not call valid: ``error``, ``warn`` or ``allow``."""


class Range(NamedTuple):
    """Whole numbers from ``low`` to ``high``, both included; ``high`` None is open."""

    low: int
    high: int | None

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int):
            return False
        return value >= self.low and (self.high is None or value <= self.high)

    def __str__(self) -> str:
        if self.low == self.high:
            return str(self.low)
        return f"{self.low}..{'' if self.high is None else self.high}"


class Decision(NamedTuple):
    """Who decided what stands in a list: the ADR, its date and the reason."""

    adr: str = ""
    date: str = ""
    reason: str = ""

    @property
    def label(self) -> str:
        """``ADR-0258``, or the date where there is no ADR."""
        return self.adr or self.date


class ValueRule(NamedTuple):
    """Which values an attribute may hold; each element of a list attribute is judged.

    Values are texts, compared as integers or floats where the attribute holds those. ``default`` is
    what an absent attribute means; None leaves that to the operator's schema.
    """

    allowed: tuple[str, ...] | None
    denied: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    default: str | None
    required: bool
    severity: Severity
    decision: Decision


class DtypeRule(NamedTuple):
    """Which dtypes may appear, by the names of ``float32``, ``int64``, ..."""

    allowed: frozenset[str] | None
    denied: frozenset[str]

    def admits(self, dtype: str) -> bool:
        """Whether a dtype may appear."""
        return dtype not in self.denied and (self.allowed is None or dtype in self.allowed)

    def __str__(self) -> str:
        if self.allowed is not None:
            return ", ".join(sorted(self.allowed - self.denied))
        return f"anything but {', '.join(sorted(self.denied))}"


class Entry(NamedTuple):
    """One operator that is allowed, for the opset versions in ``opset``."""

    domain: str
    op_type: str
    opset: Range
    attributes: dict[str, ValueRule]
    dtypes: DtypeRule | None
    constant_inputs: tuple[str, ...]
    decision: Decision
    source: str

    @property
    def is_conditional(self) -> bool:
        """Whether a node can break this entry."""
        return bool(
            self.attributes or self.dtypes or self.constant_inputs or self.opset != (1, None)
        )

    @property
    def label(self) -> str:
        """``Resize`` or ``com.microsoft::Gelu``."""
        return operator_label(self.domain, self.op_type)


class Denial(NamedTuple):
    """One operator that is refused by name, with what to use instead; ``*`` is a whole domain."""

    domain: str
    op_type: str
    instead: str
    decision: Decision
    source: str

    @property
    def label(self) -> str:
        """``Resize``, ``com.microsoft::Gelu`` or ``ai.onnx.ml::*``."""
        return operator_label(self.domain, self.op_type)


class Limit(NamedTuple):
    """A number that must not be passed, and who set it."""

    value: int
    decision: Decision


class Waiver(NamedTuple):
    """Findings that are accepted for some models, for a reason, until a day (included)."""

    model: str
    code: str
    operator: str
    reason: str
    expires: date
    source: str


class Wanted(NamedTuple):
    """A target that must run a model.

    Attributes:
        target: its id, or the path of its head.
        sha256: of what it says, hexadecimal: a verdict depends on it.
        allow_unknown: whether a node passes of which it is not known.
        fallback: how many nodes may be left to another provider; None for any number.
    """

    target: str
    sha256: str
    allow_unknown: bool = False
    fallback: int | None = None


class Allowlist(NamedTuple):
    """A list with everything it extends folded in.

    Entries and denials are keyed by ``(domain, op_type)``, the default domain as ``ai.onnx``.
    ``constants`` is ``report``, ``forbid`` or a cap in bytes. ``schemas`` are those of operators
    that neither ONNX nor ONNX Runtime defines. ``sizes`` are shapes of inputs by name, for which
    costs count, in place of what a model declares; no file of a list holds them.
    """

    id: str
    title: str
    decision: Decision
    lineage: tuple[str, ...]
    entries: dict[tuple[str, str], tuple[Entry, ...]]
    denials: dict[tuple[str, str], Denial]
    limits: dict[str, Limit]
    opsets: dict[str, Range]
    ir_version: Range | None
    policies: dict[str, str]
    constants: str | int
    dtypes: DtypeRule | None
    waivers: tuple[Waiver, ...]
    schemas: Declared = NOTHING
    sizes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    targets: tuple[Wanted, ...] = ()

    def schema_at(self, domain: str, op_type: str, opset: int) -> Schema | None:
        """The schema of an operator: as the list declares it, or as it is known."""
        declared = declared_at(self.schemas, domain, op_type, opset)
        return declared or schema_at(domain, op_type, opset)

    def limit(self, name: str) -> int | None:
        """The value of a limit, None where there is none."""
        found = self.limits.get(name)
        return DEFAULT_LIMITS.get(name) if found is None else found.value

    def policy(self, name: str) -> str:
        """``allow``, ``warn`` or ``forbid``; what a list does not mention is forbidden."""
        return self.policies.get(name, "forbid")

    def validity(self, rule: Rule) -> Severity | None:
        """How much a finding of a rule on valid graphs weighs; None where it is allowed.

        What a list does not mention is an error, or a warning where the rule itself is one.
        """
        weights = {"error": Severity.ERROR, "warn": Severity.WARNING, "allow": None}
        own = self.policies.get(f"{VALIDITY} {rule.name}")
        if own is not None:
            return weights[own]
        general = self.policies.get(VALIDITY, "error")
        return rule.severity if general == "error" else weights[general]
