"""Packages that only some commands need, and how to get them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from onnxguard.base.errors import UsageError

_BUILDS = ("", "-gpu", "-directml", "-openvino", "-qnn", "-training")
"""Distributions that all bring a folder ``onnxruntime``."""
_CALLED = {"PIL": "Pillow"}
"""Packages that are installed by another name than they are imported by."""


def how_to_install(extra: str) -> str:
    """What the README says, for one extra."""
    return f"pip install '.[{extra}]' -c constraints.txt, in a clone of onnxguard"


def require_extra(what: str, extra: str, packages: Iterable[str]) -> None:
    """Fail before the work where packages are missing, or lie on each other.

    Raises:
        UsageError: it names what ``what`` needs and how to get it.
    """
    missing = [_CALLED.get(name, name) for name in packages if find_spec(name) is None]
    if missing:
        raise UsageError(f"{what} needs {', '.join(missing)}: {how_to_install(extra)}")
    if "onnxruntime" in packages:
        _refuse_two_builds()


def _refuse_two_builds() -> None:
    """Two builds write the same files: the second one to be installed is there in part."""
    from importlib.metadata import PackageNotFoundError, version

    builds = {}
    for build in _BUILDS:
        try:
            builds[f"onnxruntime{build}"] = version(f"onnxruntime{build}")
        except PackageNotFoundError:
            continue
    if len(builds) > 1:
        names = " ".join(builds)
        kept = next(reversed(builds))
        raise UsageError(
            f"{' and '.join(builds)} are installed over each other: pip uninstall -y {names}, "
            f"then pip install {kept}=={builds[kept]}, or the one that you want"
        )
