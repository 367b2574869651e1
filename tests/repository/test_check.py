"""``onnxguard check`` from end to end: each way to fail, with its own code and exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support import formats
from support.command import run
from support.lists import write_list
from support.parity_cases import LINEAR, WEIGHTS
from support.patience import until
from support.repositories import (
    EVERY,
    POINTER,
    RELU,
    TANH,
    codes,
    enter,
    external,
    refused,
    reports,
    rewrite,
    status,
    told,
    weighted,
    write_manifest,
    write_models,
)

from onnxguard.reporters import REPORTERS

PAST, FUTURE = date(2026, 1, 2), date(9999, 12, 31)  # whatever the day of the run


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


def covering(*lines: str, paths: str = "'**/*.onnx'") -> str:
    """An entry with the small list and more keys."""
    more = "".join(f"    {line}\n" for line in lines)
    return f"  - paths: [{paths}]\n    allowlist: ./mine.yaml\n{more}"


def waiver(
    code: str = "OG101", model: str = "*.onnx", expires: date = FUTURE, more: str = ""
) -> str:
    return f"{{model: '{model}', code: {code}, reason: known, expires: {expires}{more}}}"


def waiving(*waivers: str) -> str:
    return covering(f"waivers: [{', '.join(waivers)}]")


# -- each way to fail ------------------------------------------------------------------------------


def change() -> None:
    write_models(m=weighted(bytes(8)))
    run("lock")
    rewrite("m.onnx", weighted(b"\1" + bytes(7)))


def add() -> None:
    write_models(m=RELU, n=RELU)
    write_manifest("  - {paths: [m.onnx], allowlist: ./mine.yaml}\n")


def add_unlocked() -> None:
    write_models(m=RELU)
    run("lock")
    write_models(n=RELU)


def lose() -> None:
    write_models(m=RELU, n=RELU)
    run("lock")
    Path("n.onnx").unlink()


def expire() -> None:
    write_models(m=TANH)
    write_manifest(waiving(waiver(expires=PAST)))


def break_the_contract() -> None:
    write_models(m=RELU)
    write_manifest(covering("contract: {opset: 18}"))


def forget_an_entry() -> None:
    write_models(m=RELU)
    write_manifest(EVERY, "  - {paths: [lost.onnx], allowlist: ./mine.yaml}\n")


FAILURES: dict[str, Callable[[], None]] = {
    "OG821": change,
    "OG822": add_unlocked,
    "OG823": lose,
    "OG811": add,
    "OG812": forget_an_entry,
    "OG813": break_the_contract,
    "OG101": lambda: write_models(m=TANH),
}


@pytest.mark.parametrize("code", FAILURES)
def test_failure_has_its_own_code(code: str) -> None:
    write_manifest()
    FAILURES[code]()
    assert [held for found in codes().values() for held in found] == [code]
    assert status() == 1
    assert status("--exit-zero") == 0
    assert status("--strict") == 1


def test_expired_waiver() -> None:
    expire()
    assert codes() == {"m.onnx": ["OG101", "OG801"]}
    assert status() == 1


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_every_failure_in_every_format(output_format: str) -> None:
    write_models(a=weighted(bytes(8)), gone=RELU, ok=RELU)
    write_manifest(waiving(waiver(expires=PAST)), "  - {paths: [lost.onnx]}\n")
    run("lock")
    rewrite("a.onnx", weighted(b"\1" + bytes(7)))
    write_models(b=TANH, c=POINTER)
    Path("gone.onnx").unlink()
    Path("U.ONNX").write_bytes(RELU)
    code, out, err = run("check", "--format", output_format)
    assert (code, err) == (2, "")
    formats.check(output_format, out)
    for held in ("OG821", "OG822", "OG823", "OG811", "OG812", "OG801", "OG101", "OG002"):
        assert held in out


@pytest.mark.parametrize(
    ("content", "code"), [(POINTER, "OG002"), (RELU[:-1], "OG003"), (b"", "OG002")]
)
def test_what_cannot_be_verified_exits_2(content: bytes, code: str) -> None:
    write_models(m=content, ok=RELU, bad=TANH)
    write_manifest()
    assert codes() == {"bad.onnx": ["OG101"], "m.onnx": [code]}
    assert status() == 2
    assert status("--exit-zero") == 2
    write_manifest(waiving(waiver()))
    assert codes()["m.onnx"][0] == code
    assert status() == 2


def test_special_files_are_not_opened() -> None:
    write_models(ok=RELU)
    os.mkfifo("m.onnx")
    write_manifest()
    run("lock")
    assert codes() == {"m.onnx": ["OG001"]}
    assert status() == 2
    assert "m.onnx cannot be locked: OG001" in refused("lock")


def test_nothing_found_is_said_with_how_many() -> None:
    write_models(a=RELU, b=RELU)
    write_manifest()
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("PASS  a.onnx")
    assert run("check", "-q")[0] == 0


def test_report_goes_to_a_file_and_never_over_a_model() -> None:
    write_models(a=RELU)
    write_manifest()
    code, out, _ = run("check", "--output", "report.txt")
    assert (code, out) == (0, "")
    assert "a.onnx" in Path("report.txt").read_text()
    assert "is a model, which is never written to" in refused("check", "--output", "a.onnx")
    assert Path("a.onnx").read_bytes() == RELU


def test_entries_have_their_own_lists() -> None:
    write_list(Path(), "operators: [{names: [Tanh]}]\n", "wide.yaml")
    write_models(a=TANH, b=TANH)
    write_manifest("  - {paths: [a.onnx], allowlist: ./wide.yaml}\n", EVERY)
    for more in ((), ("--no-cache",), ("--jobs", "2"), ()):
        assert codes(*more) == {"b.onnx": ["OG101"]}
    assert [report["allowlist"] for report in reports()] == ["mine", "mine"]


@pytest.mark.parametrize("more", [(), ("--jobs", "2"), ("--no-cache", "--jobs", "3")])
def test_models_stay_in_order(more: tuple[str, ...]) -> None:
    for at in range(30):
        write_models(**{f"{at:02}": TANH if at % 3 else weighted(bytes(4 * at + 4))})
    write_manifest()
    for _ in range(2):
        found = reports(*more)
        assert [report["path"] for report in found] == [f"{at:02}.onnx" for at in range(30)]
        failing = [at for at in range(30) if found[at]["verdict"] == "fail"]
        assert failing == [at for at in range(30) if at % 3]


# -- waivers ---------------------------------------------------------------------------------------


def test_waiver_of_an_entry_covers() -> None:
    write_models(m=TANH, ok=RELU)
    write_manifest(waiving(waiver(model="m.onnx")))
    assert codes() == {}
    assert status() == 0
    assert [f["waiver"] for r in reports() for f in r["findings"]] == ["known"]
    _, out, _ = run("check")
    assert "waived" in out


def test_waiver_that_covers_nothing() -> None:
    write_models(m=RELU, ok=RELU)
    write_manifest(waiving(waiver(model="m.onnx")))
    assert codes() == {"m.onnx": ["OG802"]}
    write_manifest(waiving(waiver(model="elsewhere/*.onnx")))
    assert codes() == {}


def test_broken_contract_cannot_be_waived() -> None:
    write_models(m=RELU)
    write_manifest(covering("contract: {opset: 18}", f"waivers: [{waiver('OG813')}]"))
    assert '"OG813" is not a rule that can be waived' in refused("check")


def test_waivers_of_the_list_work_as_in_a_scan() -> None:
    write_list(Path(), f"waivers: [{waiver(model='a/m.onnx', more=', operator: Tanh')}]\n")
    for name in ("a", "b"):
        Path(name).mkdir()
        write_models(**{f"{name}/m": TANH})
    write_manifest()
    assert codes() == {"b/m.onnx": ["OG101"]}
    assert codes() == {"b/m.onnx": ["OG101"]}
    code, out, _ = run("scan", "--config", "none", "--allowlist", "mine.yaml", "a", "b")
    assert (code, out.count("FAIL  b/m.onnx")) == (1, 1)
    write_manifest(waiving(waiver(model="a/*")))
    assert codes() == {"b/m.onnx": ["OG101"]}


def test_lock_is_not_to_be_waived() -> None:
    """Whatever a waiver says, the lock is asked after it."""
    write_models(m=weighted(bytes(8), "Tanh"))
    write_manifest(waiving(waiver()))
    run("lock")
    assert codes() == {}
    rewrite("m.onnx", weighted(b"\1" + bytes(7), "Tanh"))
    assert codes() == {"m.onnx": ["OG821"]}


# -- results ---------------------------------------------------------------------------------------

FILE = "../results.jsonl"


def written() -> int:
    """Whole lines of the file, while another process adds to it."""
    return Path(FILE).read_bytes().count(b"\n") if os.path.exists(FILE) else 0


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(FILE).read_text().splitlines()]


def test_results_are_resumed() -> None:
    write_models(**{str(at): TANH if at == 3 else RELU for at in range(6)})
    Path("U.ONNX").write_bytes(RELU)
    write_manifest()
    run("lock")
    assert status("--results", FILE) == 1
    whole = lines()
    assert [line["path"] for line in whole[1:]] == sorted(
        [*(f"{at}.onnx" for at in range(6)), "U.ONNX"]
    )
    assert all(line["report"]["facts"] for line in whole[1:] if line["path"] != "U.ONNX")
    assert "is there already" in refused("check", "--results", FILE)
    text = Path(FILE).read_text().splitlines(keepends=True)
    Path(FILE).write_text("".join(text[:3]) + text[3][:40])
    plain = run("check", "--no-cache")
    again = run("check", "--results", FILE, "--resume")
    assert again[0] == 1
    assert again[1].rsplit(",", 1)[0] == plain[1].rsplit(",", 1)[0]
    assert sorted(line["path"] for line in lines()[1:]) == sorted(
        line["path"] for line in whole[1:]
    )
    for line, before in zip(lines()[1:], whole[1:], strict=True):
        assert line["report"] | {"seconds": 0} == before["report"] | {"seconds": 0}


def test_results_of_a_subfolder_and_of_other_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sub").mkdir()
    write_models(**{"sub/m": RELU, "n": RELU})
    path = write_manifest().absolute()
    monkeypatch.chdir("sub")
    file = "../../results.jsonl"
    assert status("--results", file) == 0
    held = [json.loads(line) for line in Path(file).read_text().splitlines()]
    assert [line["path"] for line in held[1:]] == ["../n.onnx", "m.onnx"]
    assert status("--results", file, "--resume") == 0
    said = "holds results of other settings"
    assert said in refused("check", "--results", file, "--resume", "--strict")
    assert said in refused("check", "--results", file, "--resume", "--no-parity")
    run("lock")
    assert said in refused("check", "--results", file, "--resume")
    Path("../onnxguard.lock").unlink()
    assert status("--results", file, "--resume") == 0
    path.write_text(path.read_text() + "# changed\n")
    assert said in refused("check", "--results", file, "--resume")


def test_changed_model_is_judged_again_on_resume() -> None:
    write_models(a=RELU, b=RELU)
    write_manifest()
    assert status("--results", FILE) == 0
    write_models(a=TANH)
    assert status("--results", FILE, "--resume") == 1
    assert [line["path"] for line in lines()[1:]] == ["b.onnx", "a.onnx"]


NEVER_DONE = """
import sys, time
from importlib import import_module
from onnxguard.cli import main

examining = import_module("onnxguard.repository.model_check")
examine = examining.examine

def slow(path, *given):
    time.sleep(600 if path.endswith("399.onnx") else 0)
    return examine(path, *given)

examining.examine = slow
sys.exit(main(sys.argv[1:]))
"""


def test_killed_run_goes_on_with_each_model_once(root: Path) -> None:
    count = 400
    for at in range(count):
        write_models(**{f"{at:03}": weighted(bytes(4 * at + 4))})
    write_manifest()
    command = [sys.executable, "-c", NEVER_DONE, "check", "--results", FILE]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=root) as process:
        until(lambda: process.poll() is not None or written() >= 20)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    done = written() - 1
    assert 0 < done < count
    assert status("--results", FILE, "--resume") == 0
    paths = [line["path"] for line in lines()[1:]]
    assert sorted(paths) == [f"{at:03}.onnx" for at in range(count)]


# -- parity ----------------------------------------------------------------------------------------

NETWORK = """\
import torch
from torch import nn


class Network(nn.Module):
    def forward(self, x):
        {body}


def quits():
    raise SystemExit(0)
"""


@pytest.fixture
def network(root: Path) -> Iterator[str]:
    """A module of the repository, under a name that no other test imports."""
    name = f"network_of_{root.parent.name}"
    body = f"return x @ torch.tensor({WEIGHTS.tolist()}, dtype=x.dtype)"
    (root / f"{name}.py").write_text(NETWORK.format(body=body))
    write_list(root, "operators: [{names: [MatMul]}]\n")
    write_models(m=LINEAR)
    yield name
    sys.modules.pop(name, None)


def compared(spec: str) -> None:
    write_manifest(covering(f"parity: {{{spec}, trials: 1}}"))


def test_parity_passes_from_a_subfolder(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared(f"torch: '{network}:Network'")
    Path("sub").mkdir()
    monkeypatch.chdir("sub")
    here = Path.cwd()
    code, out, err = run("check")
    assert (code, err) == (0, ""), out
    assert Path.cwd() == here
    code, out, err = run("check", "--no-parity")
    assert (code, err) == (0, "parity was not checked for 1 model\n")


def test_parity_fails(network: str) -> None:
    path = Path(f"{network}.py")
    path.write_text(path.read_text().replace("return x @", "return 1.01 * x @"))
    compared(f"torch: '{network}:Network'")
    found = codes()
    assert set(found["m.onnx"]) == {"OG814"}
    assert all(message.startswith("OP") for message in told("OG814"))
    assert status() == 1
    assert status("--no-parity") == 0


def test_parity_of_some_outputs(network: str) -> None:
    path = Path(f"{network}.py")
    path.write_text(path.read_text().replace("return x @", "return -x, x @"))
    compared(f"torch: '{network}:Network'")
    assert status() == 1
    compared(f"torch: '{network}:Network', outputs: [y]")
    assert status() == 0


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("torch: 'nowhere_at_all:Network'", "cannot be imported: ModuleNotFoundError: "),
        ("torch: '{}:Missing'", 'has no "Missing"'),
        ("torch: '{}:quits'", "calling it failed: SystemExit: 0"),
        ("torch: '{}:Network', weights: w.safetensors", "w.safetensors: cannot be read"),
        ("reference: lost.onnx", "lost.onnx"),
        ("torch: '{}:Network', provider: Nothing", "Nothing"),
        ("torch: '{}:Network', shapes: [z=1]", "z"),
        ("torch: '{}:Network', outputs: [z]", 'no output "z"; the graph has: y'),
        ("torch: '{}:Network', atol: -1", "atol"),
    ],
)
def test_parity_that_cannot_be_checked(spec: str, said: str, network: str) -> None:
    compared(spec.format(network))
    assert codes() == {"m.onnx": ["OG007"]}
    assert said in told("OG007")[0]
    assert status() == 2
    assert status("--exit-zero") == 2


@pytest.mark.usefixtures("network")
def test_parity_is_not_asked_where_the_list_failed() -> None:
    write_list(Path())
    compared("torch: 'nowhere_at_all:Network'")
    assert codes() == {"m.onnx": ["OG101"]}


@pytest.mark.usefixtures("network")
def test_parity_of_what_a_baseline_accepts() -> None:
    """What the baseline accepts would pass, and nobody would have compared it."""
    write_list(Path())
    compared("torch: 'nowhere_at_all:Network'")
    assert status("--baseline", "../baseline.json", "--update-baseline") == 2
    assert codes("--baseline", "../baseline.json") == {"m.onnx": ["OG007"]}
    code, _, err = run("check", "--baseline", "../baseline.json", "--no-parity")
    assert (code, err) == (0, "parity was not checked for 1 model\n")


# -- odd surroundings ------------------------------------------------------------------------------


def test_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    write_models(m=RELU)
    write_manifest()
    for name in ("ONNXGUARD_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert status() == 0
    assert status("--no-cache") == 0


def test_external_data_without_a_lock() -> None:
    write_models(m=external("w.bin"))
    write_manifest()
    assert codes() == {"m.onnx": ["OG404"]}
    Path("w.bin").write_bytes(bytes(16))
    assert codes() == {}
    Path("w.bin").write_bytes(bytes(8))
    assert codes() == {"m.onnx": ["OG405"]}


def test_parity_is_not_taken_from_an_earlier_run(network: str) -> None:
    path = Path(f"{network}.py")
    compared(f"torch: '{network}:Network'")
    assert status("--results", "r.jsonl") == 0
    path.write_text(path.read_text().replace("return x @", "return 1.01 * x @"))
    sys.modules.pop(network)
    assert status("--results", "r.jsonl", "--resume") == 1
    assert len(Path("r.jsonl").read_text().splitlines()) == 2


# -- what a check goes by --------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--output", "--results"])
def test_what_a_check_goes_by_is_not_written_over(option: str) -> None:
    write_models(a=RELU)
    write_manifest()
    run("lock")
    run("check", "--baseline", "b.json", "--update-baseline")
    for name in ("onnxguard.yaml", "./onnxguard.lock", "b.json"):
        before = Path(name).read_bytes()
        said = refused("check", "--baseline", "b.json", option, name)
        assert said == f'{option} "{name}" is what the check goes by: name another file'
        assert Path(name).read_bytes() == before
    assert "is a model" in refused("check", option, "a.onnx.data")


def test_data_that_reports_cannot_name_is_refused() -> None:
    """Its name in a report is another one: that of a decoy, which would be locked instead."""
    for location in ("w" * 220, "a##[b.data"):
        write_models(a=external(location))
        Path(location).write_bytes(bytes(16))
        write_manifest()
        assert codes() == {"a.onnx": ["OG402"]}


def test_a_path_in_an_entry_that_matches_nothing() -> None:
    write_models(a=RELU, b=RELU, x=RELU)
    paths = "[a.onnx, gone.onnx, 'b*.onnx', 'c*.onnx', x.onnx]"
    listed = "allowlist: ./mine.yaml"
    write_manifest(
        "  - {paths: [b.onnx], allowlist: ./mine.yaml}\n",
        f"  - {{paths: {paths}, {listed}}}\n",
        more="exclude: [x.onnx]\n",
    )
    assert told("OG812") == [
        "the path gone.onnx matches no model",
        "the path c*.onnx matches no model",
        "the path x.onnx matches no model",
    ]
    assert codes("a.onnx") == {}


def test_manifest_and_lock_do_not_count_as_models() -> None:
    write_models(a=RELU, b=RELU)
    write_manifest(EVERY, "  - {paths: [c.onnx]}\n")
    run("lock")
    Path("b.onnx").unlink()
    code, out, _ = run("check")
    assert code == 1
    assert "FAIL: 1 of 1 model passed, the manifest failed, the lock failed; 2 errors" in out
    document = json.loads(run("check", "--format", "json")[1])
    assert document["summary"] == {"models": 1, "pass": 1, "fail": 0, "error": 0}
    assert [model.get("about") for model in document["models"]] == [None, "manifest", "lock"]


def test_several_unused_entries_are_accepted_together() -> None:
    write_models(a=RELU)
    write_manifest(EVERY, "  - {paths: [b.onnx]}\n", "  - {paths: [c.onnx]}\n")
    assert codes() == {"onnxguard.yaml": ["OG812", "OG812"]}
    assert status("--baseline", "b.json", "--update-baseline") == 0
    assert status("--baseline", "b.json") == 0
