"""ONNX Runtime's own list of what it runs, against what passes.

benchmarks/inlining.py draws more models.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support import function_models
from support.inlining_oracle import compare, standard_bodies

FEATURES = {
    "function in a function",
    "overload",
    "attribute reference",
    "attribute with a default",
    "graph by reference",
    "graph that a call gives",
    "the same name inside and outside",
    "omitted input",
    "Loop whose body captures",
    "If whose branches capture",
    "function that a runtime has built in",
    "name as inlining makes it",
}


@pytest.mark.parametrize("start", [0, 100])
def test_what_passes_runs_nothing_that_was_not_judged(start: int, tmp_path: Path) -> None:
    outcome = compare(range(start, start + 100), tmp_path)
    assert outcome.failures == []
    assert outcome.loaded > 25
    assert outcome.passed > 5
    assert outcome.features.keys() >= FEATURES


def test_drawing_is_the_same_every_time() -> None:
    assert function_models.draw(7) == function_models.draw(7)
    assert function_models.draw(7) != function_models.draw(8)


def test_operators_with_a_body_of_their_own() -> None:
    """ONNX Runtime runs the body where it has no kernel, and HardSwish always."""
    bodies = standard_bodies()
    assert bodies["HardSwish"] > {"HardSigmoid", "Mul"}
    assert "PRelu" in bodies
    assert len(bodies) >= 48
