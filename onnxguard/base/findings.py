"""What a scan says: a coded finding, where it is, how bad it is and what to do."""

from enum import StrEnum
from typing import NamedTuple

PLACES_KEPT = 100
"""A finding keeps this many places; ``count`` says how many there were."""


class Severity(StrEnum):
    """How much a finding weighs: an error fails the model, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Place(NamedTuple):
    """Where something is: the route through the graph, and the bytes ``[start, end)`` of the file.

    A finding about the file as a whole has the route ``model`` and the span of the whole file.
    The route is safe to print (see ``printable``).
    """

    route: str
    start: int
    end: int


def operator_label(domain: str, op_type: str, overload: str = "") -> str:
    """The one name of an operator, or of a function, wherever it is shown.

    Args:
        domain: the default one is ``ai.onnx`` or empty; like the others it is safe to print.
        op_type: the operator's name, or the function's; may be empty.
        overload: of a function, may be empty.

    >>> operator_label("ai.onnx", "Resize")
    'Resize'
    >>> operator_label("local", "Block", "fp16")
    'local::Block:fp16'
    """
    name = op_type or "(no op_type)"
    name = name if domain in {"", "ai.onnx"} else f"{domain}::{name}"
    return f"{name}:{overload}" if overload else name


class Finding(NamedTuple):
    """One thing that a rule has to say about one model.

    Attributes:
        code: the rule's stable code, such as ``OG101``.
        severity: error, warning or note.
        message: one line, safe to print.
        places: the first ``PLACES_KEPT`` places, at least one.
        count: how many places there are in all.
        hint: what to do about it, one line, may be empty.
        operator: its ``operator_label`` where one is meant.
        adr: the decision behind the allowlist entry or limit that was broken, may be empty.
        waiver: the reason of the waiver that covers it; empty when it stands.
    """

    code: str
    severity: Severity
    message: str
    places: tuple[Place, ...]
    count: int = 1  # type: ignore[assignment] # hides tuple.count, which nothing calls
    hint: str = ""
    operator: str = ""
    adr: str = ""
    waiver: str = ""

    @property
    def place(self) -> Place:
        """The first place."""
        return self.places[0]

    @property
    def fails(self) -> bool:
        """Whether this finding alone fails the model."""
        return self.severity is Severity.ERROR and not self.waiver
