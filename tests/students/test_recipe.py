"""The recipe: the source's values, and none that make no sense."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import cos, inf, nan, pi
from typing import Any

import pytest
from onnxguard.students.recipe import RECIPES, Recipe, option_of

from onnxguard.base.errors import UsageError


def test_the_defaults_are_those_of_the_source() -> None:
    assert asdict(Recipe()) == {
        "train_side": 288,
        "validation_side": 256,
        "crop": 256,
        "flip": 0.5,
        "half_size": 0.0,
        "batch": 32,
        "epochs": 50,
        "learning_rate": 1e-3,
        "schedule": "cosine",
        "dice_weight": 1.0,
        "dice_epsilon": 1.0,
        "validation_share": 0.05,
        "validation_least": 64,
        "split_seed": 42,
        "seed": 42,
    }
    assert RECIPES["source"] == Recipe()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_that_ships_makes_sense(name: str) -> None:
    RECIPES[name].check()


def test_the_fast_recipe_differs_from_the_source_in_the_half_size_alone() -> None:
    assert replace(RECIPES["fast"], half_size=0.0) == Recipe()


@pytest.mark.parametrize(("epochs", "rate"), [(1, 1e-3), (2, 4e-3), (50, 1e-3), (7, 0.5)])
def test_cosine_is_the_closed_form(epochs: int, rate: float) -> None:
    recipe = Recipe(epochs=epochs, learning_rate=rate)
    for epoch in range(epochs + 1):
        expected = rate * 0.5 * (1 + cos(epoch / epochs * pi))
        assert recipe.learning_rate_at(epoch) == pytest.approx(expected, rel=1e-12, abs=1e-18)
    assert recipe.learning_rate_at(0) == rate
    assert recipe.learning_rate_at(epochs) == 0


def test_cosine_passes_known_points() -> None:
    recipe = Recipe(epochs=12, learning_rate=8.0)
    # 8 (1 + cos(x)) / 2 at 60, 90 and 120 degrees
    assert [recipe.learning_rate_at(n) for n in (4, 6, 8)] == pytest.approx([6, 4, 2], abs=1e-12)


def test_constant_stays() -> None:
    recipe = Recipe(schedule="constant")
    assert {recipe.learning_rate_at(epoch) for epoch in range(51)} == {1e-3}


@pytest.mark.parametrize(
    ("half_size", "epochs", "halved"),
    [(0, 10, 0), (0.7, 10, 7), (0.7, 50, 35), (1, 4, 4), (0.1, 4, 0), (0.5, 3, 2), (0.25, 10, 2)],
)
def test_the_first_epochs_are_halved(half_size: float, epochs: int, halved: int) -> None:
    recipe = Recipe(half_size=half_size, epochs=epochs)
    assert [recipe.shrink_at(n) for n in range(epochs)] == [2] * halved + [1] * (epochs - halved)


BAD: list[tuple[str, Any]] = [
    ("train_side", 7),
    ("train_side", 0),
    ("validation_side", 7),
    ("validation_side", -256),
    ("crop", 0),
    ("crop", 7),
    ("crop", -8),
    ("flip", -0.1),
    ("flip", 1.1),
    ("flip", nan),
    ("half_size", -0.1),
    ("half_size", 1.5),
    ("half_size", nan),
    ("batch", 0),
    ("batch", -4),
    ("epochs", 0),
    ("epochs", -1),
    ("learning_rate", 0.0),
    ("learning_rate", -1e-3),
    ("learning_rate", nan),
    ("learning_rate", inf),
    ("schedule", "linear"),
    ("schedule", ""),
    ("dice_weight", -1.0),
    ("dice_weight", nan),
    ("dice_weight", inf),
    ("dice_epsilon", -1.0),
    ("dice_epsilon", nan),
    ("dice_epsilon", inf),
    ("validation_share", -0.05),
    ("validation_share", 1.05),
    ("validation_share", nan),
    ("validation_least", 0),
    ("split_seed", -1),
    ("seed", -1),
    ("seed", 1 << 64),  # PyTorch's generator takes 64 bits
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=str)
def test_a_bad_value_is_refused_and_the_option_named(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        replace(Recipe(), **{name: value}).check()
    said = str(refused.value)
    assert said.startswith(f"{option_of(name)}: ")
    assert "\n" not in said


def test_every_field_has_a_bad_value_here_and_a_text_for_the_help() -> None:
    described = Recipe.__dataclass_fields__
    assert {name for name, _ in BAD} == set(described)
    assert all(field.metadata["help"].endswith(".") for field in described.values())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"crop": 264}, "--validation-side: at least the crop's 264 pixels"),
        ({"crop": 296}, "--train-side: at least the crop's 296 pixels"),
        ({"train_side": 248}, "--train-side: at least the crop's 256 pixels"),
        ({"crop": 12}, "--crop: a multiple of 8 pixels, not 12"),
        ({"crop": 255}, "--crop: a multiple of 8 pixels, not 255"),
        ({"crop": 24, "half_size": 0.5}, "--crop: a multiple of 16 pixels, not 24"),
        ({"crop": 248, "half_size": 1}, "--crop: a multiple of 16 pixels, not 248"),
    ],
    ids=str,
)
def test_values_that_contradict_one_another_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}$"):
        Recipe(**values).check()


@pytest.mark.parametrize(
    "values",
    [
        {"crop": 248},
        {"crop": 8, "train_side": 8, "validation_side": 8},
        {"crop": 16, "half_size": 1},
        {"crop": 24, "half_size": 0.1, "epochs": 4},  # which rounds to no epoch
        {"flip": 0},
        {"flip": 1},
        {"dice_weight": 0},
        {"dice_epsilon": 0},
        {"validation_share": 0},
        {"validation_share": 1},
        {"seed": 0, "split_seed": 0},
        {"seed": (1 << 64) - 1},
    ],
    ids=str,
)
def test_values_at_the_limits_are_taken(values: dict[str, Any]) -> None:
    Recipe(**values).check()
