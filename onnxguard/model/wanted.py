"""Which facts somebody will look at; the others need not be made."""

from __future__ import annotations

from typing import Any, NamedTuple

Size = tuple[str, tuple[int, ...]]
"""An input of the main graph by name, and a shape for it."""


class Wanted(NamedTuple):
    """What somebody will look at.

    Attributes:
        constants: so many Constant nodes, the first ones; None for all.
        unwanted: the fields of ``EMPTY`` that are left empty where nothing was found in a model.
        digest: the digest of the bytes that the findings depend on.
        costs: what a run costs for inputs of these sizes, or the declared ones; None for nothing.
    """

    constants: int | None = None
    unwanted: frozenset[str] = frozenset()
    digest: bool = True
    costs: tuple[Size, ...] | None = None


EVERYTHING = Wanted()
EMPTY: dict[str, Any] = {
    "producer": "",
    "producer_version": "",
    "graph_name": "",
    "operators": (),
    "constants": (),
    "inputs": (),
    "outputs": (),
    "functions": (),
    "initializer_bytes": {},
    "external_data": (),
    "loops": (),
    "metadata": (),
}
"""The facts that can be left out, and what stands for them then."""
