"""What is suggested for a word that nobody knows."""

from __future__ import annotations

import pytest

from onnxguard.base.yaml_tree import near

KNOWN = ["Gelu", "SwiGLU", "Conv", "Relu"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("GELU", " (did you mean Gelu?)"),  # by its letters before any that is only near
        ("swiglu", " (did you mean SwiGLU?)"),
        ("Convv", " (did you mean Conv?)"),
        ("zzz", " (known: Conv, Gelu, Relu, SwiGLU)"),
    ],
)
def test_the_nearest_name_is_suggested(word: str, said: str) -> None:
    assert near(word, KNOWN) == said


def test_a_long_list_is_not_printed() -> None:
    assert near("zzz", KNOWN, few=3) == ""
