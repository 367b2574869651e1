"""How made-up inputs are drawn, by name."""

from __future__ import annotations

PROFILES = ("noise", "image", "large")
"""Standard normal; smooth and textured pictures in 0..1, normalised; normal, ``LARGE`` times."""

LARGE, EXTREME, TINY = 8.0, 1000.0, 1e-4

NAMES = {"normal": "noise", "image": "image", "large": "large", "uniform": "uniform"}
"""What a user calls the profiles to be drawn; uniform is 0 to 1."""

PROBES = ("many", "long", "most", "extreme", "edges", "empty")
"""Normal, for a large batch, for long axes and for a batch as large; normal, ``EXTREME`` times; on
and around the constants of both sides, on quarters, and in one row near zero; with masks of which a
row holds nothing. They find gross errors."""

EASED = ("large", *PROBES)
"""Inputs that nobody asked for: rounding is no failure there, where every node alone is right."""

FAR = ("extreme", "edges")
"""Those of them whose values are far from what a network was made for, and cancel each other."""

KINDS = (
    *(*PROFILES, "uniform", "many", "long", "extreme", "edges", "beyond", "negative", "most"),
    "empty",
)
"""All that values are drawn by; ``beyond`` are places behind the last row of a table, ``negative``
some that are counted from the end."""

OUTSIDE = ("beyond", "negative", "most", "empty")
"""What a reference may well refuse: such a trial counts for nothing then."""
