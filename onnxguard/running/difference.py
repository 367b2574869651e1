"""How far one output is from what was expected: plain values, without NumPy."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """How far one output of the graph is from the reference's.

    ``d`` below is ``|reference - model|`` of each element, in float64.

    Attributes:
        output: its name.
        dtype: the reference's, as NumPy names it.
        shape: the reference's.
        tolerance: what ``d`` was compared with, where the reference's value is 0.
        relative: what is added to it for every 1 of the reference's value.
        eased: whether it is beyond that and passes, because rounding alone explains it.
        problem: the code of the rule that the output breaks, empty where it passes.
        message: that problem in one line.
        largest: the largest ``d``; infinite where there is no finite one.
        index: where that is, empty where there is no element to point at.
        expected: the reference's value there, as Python prints it.
        actual: the model's.
        over: how many elements have ``d`` above the tolerance.
        elements: how many there are.
        percentiles: ``(percent, d)`` for 50, 90, 99 and 99.9.
        ulps: the largest distance in units in the last place, 0 for what is not floating.
        decades: ``(exponent, elements)``: how many ``d`` lie in ``[10^e, 10^(e+1))``, ascending.
        exact: how many elements are equal.
    """

    output: str
    dtype: str
    shape: tuple[int, ...]
    tolerance: float
    problem: str = ""
    message: str = ""
    largest: float = 0.0
    index: tuple[int, ...] = ()  # type: ignore[assignment] # hides tuple.index, which nothing calls
    expected: str = ""
    actual: str = ""
    over: int = 0
    elements: int = 0
    percentiles: tuple[tuple[float, float], ...] = ()
    ulps: int = 0
    decades: tuple[tuple[int, int], ...] = ()
    exact: int = 0
    relative: float = 0.0
    eased: bool = False

    @property
    def passed(self) -> bool:
        """Whether the output is within the tolerance."""
        return not self.problem
