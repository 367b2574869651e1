"""Both models in outline, and which of their nodes differ: what a picture of a change needs."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from onnxguard.base.budget import limited
from onnxguard.base.errors import ModelError
from onnxguard.differences.nodes import Starts, compare_nodes
from onnxguard.differences.values import Pair, Tree
from onnxguard.model.outline import Outline, outline_of
from onnxguard.model.shapes.cost import TypeTexts
from onnxguard.model.survey import Survey
from onnxguard.policy.sizes import Sizes


class Sketch(NamedTuple):
    """The outlines, and where the nodes start that are in both or differ, as ``Box.start`` says."""

    outlines: Pair[Outline]
    starts: Starts

    @property
    def nodes(self) -> int:
        """How many are drawn, of both."""
        return sum(outline.kept_nodes for outline in self.outlines)


def sketch(trees: Pair[Tree], seen: Pair[Survey], sizes: Sizes = ()) -> Sketch | None:
    """Outline two models whose graphs can be compared; of one that is large, what is near a change.

    Shapes are those for inputs of ``sizes``. None where it takes too long.
    """
    try:
        with limited():
            starts = compare_nodes(*trees).starts
            new, old = _near(starts.same, starts.added), _near(_turned(starts.same), starts.removed)
            spans = Pair(
                [*(pair.old for pair in starts.changed), *starts.removed, *new],
                [*(pair.new for pair in starts.changed), *starts.added, *old],
            )
            return Sketch(Pair(*map(_outline, seen, spans, (sizes, sizes))), starts)
    except ModelError:
        return None


def _outline(seen: Survey, starts: list[int], sizes: Sizes) -> Outline:
    texts = TypeTexts(seen.scopes.shapes(sizes), seen.scopes.types)
    return outline_of(seen.model, [(start, start + 1) for start in starts], texts.of)


def _turned(pairs: list[Pair[int]]) -> list[Pair[int]]:
    return [Pair(new, old) for old, new in pairs]


def _near(same: list[Pair[int]], alone: list[int]) -> list[int]:
    """For nodes of the new model alone: in the old one, the node of the one that comes before."""
    ordered = sorted(same, key=lambda pair: pair.new)
    keys = [pair.new for pair in ordered]
    places = (bisect_right(keys, start) - 1 for start in alone)
    return [ordered[at].old for at in places if at >= 0]
