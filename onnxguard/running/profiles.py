"""How made-up inputs are drawn, by name."""

from __future__ import annotations

PROFILES = ("noise", "image", "large")
"""Standard normal; smooth and textured pictures in 0..1, normalised; normal, ``LARGE`` times."""

LARGE, EXTREME = 8.0, 1000.0

NAMES = {"normal": "noise", "image": "image", "large": "large", "uniform": "uniform"}
"""What a user calls the profiles to be drawn; uniform is 0 to 1."""

PROBES = ("many", "long", "extreme", "edges")
"""Normal, for a large batch and for long axes; normal, ``EXTREME`` times; on and around the
constants of both sides, and on quarters. They find gross errors."""

EASED = ("large", *PROBES)
"""Inputs that nobody asked for: rounding is no failure there, where every node alone is right."""

FAR = ("extreme", "edges")
"""Those of them whose values are far from what a network was made for, and cancel each other."""

KINDS = (*PROFILES, "uniform", *PROBES, "beyond", "negative")
"""All that values are drawn by; the last two are places that a reference may well refuse: behind
the last row of a table, and counted from the end."""

OUTSIDE = KINDS[-2:]
"""Trials that count for nothing where the reference refuses them."""
