"""What the trials reached: values drawn, rows of tables read, sizes of dims, branches taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence

import numpy as np

from onnxguard.base.printable import printable
from onnxguard.parity.collector import Found
from onnxguard.parity.loading import Sides, open_session
from onnxguard.parity.outputs import few
from onnxguard.parity.report import Tried
from onnxguard.parity.settings import Settings
from onnxguard.parity.torch_reference import TorchReference
from onnxguard.parity.trials import Case
from onnxguard.running.comparison import Array
from onnxguard.running.cutting import ancestors, sliced
from onnxguard.running.errors import ParityError, RefusedError
from onnxguard.running.ranges import Range, Table

SHARE = 0.5
"""A table whose values nothing vouches for must be read to this share."""
ROWS = 16
"""Smaller tables are no tables."""
_HEAVY = frozenset({"Conv", "ConvTranspose", "Gemm", "GRU", "LSTM", "MatMul", "RNN"})
"""What computes numbers: indices that are made of such are not computed again."""
_SIZES_SHOWN = 8


def cover(
    sides: Sides,
    cases: Sequence[Case],
    vouched: Container[str],
    settings: Settings,
    found: Found,
) -> Iterator[Tried]:
    """Tell what was reached, and find tables that were read too little (OP311).

    Args:
        sides: the graph and the session's settings.
        cases: what was compared.
        vouched: the weights that equal the reference's.
        settings: of the check.
        found: takes the findings.
    """
    for name, known in sides.bounds.items():
        yield Tried("values", printable(name), 0, 0, _values(known))
    if isinstance(sides.reference, TorchReference):
        inputs = [declared.name for declared in sides.model.inputs]
        given = {*sides.reference.aside, *sides.reference.made_up}
        left = [name for name in sides.reference.unfed(inputs) if name not in given]
        if left:
            yield Tried("defaults", "forward", len(left), 0, few(left))
    yield from _sizes(sides, cases)
    for table, read in _rows(sides, cases, settings):
        share = read / table.rows
        said = f"{share:.1%}" + (", all equal the reference's" if table.name in vouched else "")
        yield Tried("rows", printable(table.name), read, table.rows, said)
        if share < SHARE and table.name not in vouched:
            message = (
                f"{printable(table.name, 60)}: {read:,} of {table.rows:,} rows were read "
                f"({share:.1%}, wanted are {SHARE:.0%}), and it is no tensor of the reference"
            )
            found.add("OP311", message, printable(table.name))


def _values(known: Range) -> str:
    if known.choices:
        return f"one of {', '.join(f'{choice:g}' for choice in known.choices)}, {known.why}"
    if known.dims:
        return f"{known.low:,g} to below {' and '.join(known.dims)}, among which it picks"
    return f"{known.low:,g} to {known.high:,g}, {known.why}"


def _sizes(sides: Sides, cases: Sequence[Case]) -> Iterator[Tried]:
    sizes: dict[str, set[int]] = defaultdict(set)
    for declared in sides.model.inputs:
        for axis, dim in enumerate(declared.dims or ()):
            if not isinstance(dim, int):
                arrays = [case.inputs.arrays[declared.name] for case in cases]
                name = dim or f"{declared.name}, axis {axis}"
                sizes[name].update(a.shape[axis] for a in arrays if a.ndim > axis)
    for name, seen in sizes.items():
        shown = ", ".join(map(str, sorted(seen)[:_SIZES_SHOWN]))
        yield Tried("sizes", printable(name), len(seen), 0, shown)


def _rows(sides: Sides, cases: Sequence[Case], settings: Settings) -> Iterator[tuple[Table, int]]:
    """Tables of the main graph, and how many rows were read in all cases together."""
    graph = sides.model.proto.graph
    tables = [table for table in sides.ranges.tables if table.rows >= ROWS]
    wanted = {t.picks for t in tables} - {value.name for value in graph.input}
    light = [n for n in wanted if not any(m.op_type in _HEAVY for m in ancestors(graph, [n]))]
    values: list[dict[str, Array]] = [{} for _ in cases]
    if light:
        try:
            data, beside = sliced(sides.model.proto, light)
            session = open_session(sides.model, data, settings, beside=beside)
            values = [dict(session.run(case.inputs.arrays)) for case in cases]
        except (ParityError, RefusedError):
            light = []
    read: dict[Table, set[int]] = {}
    for table in tables:
        for case, computed in zip(cases, values, strict=True):
            index = computed.get(table.picks, case.inputs.arrays.get(table.picks))
            if index is not None:
                picked = np.unique(index.astype(np.int64) % table.rows)
                read.setdefault(table, set()).update(picked.tolist())
    yield from ((table, len(rows)) for table, rows in read.items())
