"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

# As the command line has it, and before anything imports PyTorch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

with suppress(ImportError):  # it is not where the students alone are tested, on a GPU
    from hypothesis import HealthCheck, settings

    # No example is late on a busy machine.
    settings.register_profile(
        "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("patient")

LONGEST_FIRST = [
    (  # node tests
        "project/test_docs.py",
        "conformance/test_listing.py",
        "cli/test_conform.py",
        "model/test_facts.py",
    ),
    (  # students
        "gating/test_gates.py",
        "cli/test_training.py",
        "gating/test_ablation.py",
        "gating/test_evaluation.py",
    ),
    ("students/test_distributed.py",),
    ("parity/test_mutants.py", "parity/test_node_pass.py"),  # exports of the same networks
    ("scanning/test_hostile_heavy.py",),
    ("model/test_wire_fuzz.py",),
    ("project/test_packaging.py",),
    ("students/test_training.py",),
    ("project/test_pre_commit.py",),
    ("project/test_action.py",),
]
"""Files that take long, so that none is left to one core in the end.

Those of one line run in the same process, because they share what is made once a process.
"""

_PLACES = {name: place for place, files in enumerate(LONGEST_FIRST) for name in files}


def _name(path: str) -> str:
    """A test file by its folder and name."""
    return "/".join(path.replace("\\", "/").split("/")[-2:])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: many tests wait for a process, a server or a browser."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; all others stay as they are."""
    items.sort(key=lambda item: _PLACES.get(_name(str(item.path)), len(LONGEST_FIRST)))


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> Iterator[None]:
    """A shell starts what runs in its background with SIGINT ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _unmarked() -> Iterator[None]:
    """The command line marks its process for those that it starts, which a test's own are not."""
    before = os.environ.get("PYTHONSAFEPATH")
    yield
    if before is None:
        os.environ.pop("PYTHONSAFEPATH", None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """A file at a time, in the order of the collection, and files of one line together."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            place = _PLACES.get(_name(file))
            return file if place is None else str(LONGEST_FIRST[place])

    config.option.loadscopereorder = False
    return Together(config, log)
