"""An allowlist that cannot be used is an error with its place, never a list with holes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hostile.allowlists import BAD_LISTS, GOOD
from support import protobuf as pb
from support.command import run

MODEL = pb.model(pb.graph(pb.node("Relu")))


def scan_by(folder: Path, allowlist: str) -> tuple[int, str, str]:
    (folder / "model.onnx").write_bytes(MODEL)
    return run("scan", str(folder / "model.onnx"), "--allowlist", allowlist)


def test_the_list_that_the_others_are_made_of_is_good(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(GOOD)
    code, out, err = scan_by(tmp_path, str(path))
    assert code == 0, out + err


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_bad_list_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    bad = BAD_LISTS[name]
    path = tmp_path / "list.yaml"
    path.write_bytes(bad.text.encode("utf-8", "surrogateescape"))
    code, out, err = scan_by(tmp_path, str(path))
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
    assert bad.words in err
    place = re.search(re.escape(str(path)) + r":(\d+):(\d+): \S", err)
    if bad.line:
        assert place, err
        assert int(place[1]) == bad.line, err
    elif bad.text.strip():
        assert place, err


@pytest.mark.parametrize("length", [2, 3, 50])
def test_a_cycle_of_lists_is_refused(length: int, tmp_path: Path) -> None:
    for number in range(length):
        text = GOOD.replace("id: mine", f"id: list-{number}")
        text += f"extends: list-{(number + 1) % length}.yaml\n"
        (tmp_path / f"list-{number}.yaml").write_text(text)
    code, out, err = scan_by(tmp_path, str(tmp_path / "list-0.yaml"))
    assert (code, out) == (2, "")
    assert re.search(r"list-\d+\.yaml:\d+:\d+: \S", err), err


@pytest.mark.parametrize(
    ("allowlist", "near"),
    [("adr-0285", "adr-0258"), ("pre-adr-258", "pre-adr-0258"), ("bsae", "base")],
)
def test_an_unknown_id_names_those_that_are_near(allowlist: str, near: str, tmp_path: Path) -> None:
    code, out, err = scan_by(tmp_path, allowlist)
    assert (code, out) == (2, "")
    assert near in err


@pytest.mark.parametrize(
    "allowlist", ["", ".", "..", "/", "/dev/zero", "../adr-0258", "a\0b", "\x1b[2J"]
)
def test_an_id_that_leads_elsewhere_is_refused(allowlist: str, tmp_path: Path) -> None:
    code, out, err = scan_by(tmp_path, allowlist)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
