"""Nothing is written through a symbolic link, which a repository can bring."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.multiplied import Times, save, write_external
from support.parity_cases import graph
from support.repositories import enter, refused, write_manifest
from support.trained import gate_options, recipe_options

from onnxguard.base.errors import UsageError
from onnxguard.base.writing import write_whole
from onnxguard.many.results_file import Results
from onnxguard.parity.check import check_parity

GRAPH = graph("(float[2, 4] x) => (float[2, 4] y) { y = Tanh(x) }")
NETS = "import torch\n\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n"
NETS += "        return torch.tanh(x)\n"
BASE = ("--allowlist", "base")
PARITY = ("parity", "m.onnx", "--torch", "nets:Net")
FILES = {
    "onnxguard.lock": ("lock",),
    "onnxguard.yaml": ("init", "--force"),
    "report": ("scan", "m.onnx", *BASE, "--output", "report"),
    "accepted": ("scan", "m.onnx", *BASE, "--baseline", "accepted", "--update-baseline"),
    "results": ("scan", "m.onnx", *BASE, "--results", "results"),
    "resumed": ("scan", "m.onnx", *BASE, "--results", "resumed", "--resume"),
    "checked": ("check", "--output", "checked"),
    "difference": ("diff", "m.onnx", "m.onnx", "--output", "difference"),
    "conformance": ("conform", "m.onnx", "--output", "conformance"),
    "parity.txt": (*PARITY, "--output", "parity.txt"),
    "derived.yaml": ("allowlist", "derive", "m.onnx", "--output", "derived.yaml"),
    "list.c": ("allowlist", "export", "base", "--to", "c", "--output", "list.c"),
}
TRAINED = {
    "losses.csv": ("train-and-gate", "--csv", "losses.csv"),
    "ablation/ablation.json": ("ablate",),
}
FOLDERS = {
    "evidence": (*PARITY, "--save", "evidence"),
    "evidence/model": (*PARITY, "--save", "evidence"),
    "trained": ("train-and-gate", "--out", "trained"),
    "trained/saliency-v2.run": ("train-and-gate",),
    "events": ("train-and-gate", "--tensorboard", "events"),
    "ablation": ("ablate",),
    "ablation/runs": ("ablate",),
    "ablation/runs/saliency-v2-1": ("ablate",),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside the one in which everything runs; nothing in it may change."""
    enter(tmp_path, monkeypatch)
    Path("m.onnx").write_bytes(GRAPH)
    Path("nets.py").write_text(NETS, encoding="utf-8")
    monkeypatch.syspath_prepend(os.getcwd())
    write_manifest(more="lock: true\n")
    made = tmp_path / "elsewhere"
    (made / "folder").mkdir(parents=True)
    (made / "file").write_text("mine\n", encoding="utf-8")
    return made


def links_to(link: str, target: Path) -> None:
    Path(link).parent.mkdir(parents=True, exist_ok=True)
    Path(link).unlink(missing_ok=True)
    Path(link).symlink_to(target)


def is_untouched(link: str, elsewhere: Path) -> None:
    assert sorted(path.name for path in elsewhere.rglob("*")) == ["file", "folder"]
    assert (elsewhere / "file").read_text(encoding="utf-8") == "mine\n"
    assert Path(link).is_symlink()


def said_of(link: str, *call: str) -> None:
    message = refused(*call)
    assert message.startswith('cannot write "')
    why = "it is a symbolic link, which is not followed; remove it, or name what it leads to"
    assert message.endswith(f'{link}": {why}')


@pytest.mark.parametrize("target", ["file", "none"])
@pytest.mark.parametrize("link", FILES)
def test_no_file_is_written_through_a_link(link: str, target: str, elsewhere: Path) -> None:
    links_to(link, elsewhere / target)
    said_of(link, *FILES[link])
    is_untouched(link, elsewhere)


@pytest.mark.parametrize("link", TRAINED)
def test_no_training_writes_a_file_through_a_link(
    link: str, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    links_to(link, elsewhere / "file")
    said_of(link, *TRAINED[link], *options_of(TRAINED[link][0], tmp_path_factory))
    is_untouched(link, elsewhere)


@pytest.mark.parametrize("link", FOLDERS)
def test_no_folder_is_filled_through_a_link(
    link: str, elsewhere: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    links_to(link, elsewhere / "folder")
    call = FOLDERS[link]
    said_of(link, *call, *options_of(call[0], tmp_path_factory))
    is_untouched(link, elsewhere)


def options_of(command: str, factory: pytest.TempPathFactory) -> list[str]:
    tiny = {"train-and-gate": gate_options, "ablate": recipe_options}
    return tiny[command](factory) if command in tiny else []


def test_a_slash_at_the_end_hides_no_link(elsewhere: Path) -> None:
    links_to("evidence", elsewhere / "folder")
    said_of("evidence/", *PARITY, "--save", "evidence/")
    is_untouched("evidence", elsewhere)


def test_evidence_that_was_kept_takes_no_link_for_a_folder(elsewhere: Path) -> None:
    """Whoever brings the folder and a model would choose both the place and the file's name."""
    model = write_external(Path("from"), 2.0, "deep/file")
    save(Path("evidence"), 2.0)
    Path("evidence/model").mkdir()
    links_to("evidence/model/deep", elsewhere)
    with pytest.raises(UsageError, match=r"deep\": it is a symbolic link, which is not followed"):
        check_parity(model, Times(2.0), save="evidence")
    is_untouched("evidence/model/deep", elsewhere)


def test_a_link_above_what_was_named_is_the_users(elsewhere: Path) -> None:
    links_to("reports", elsewhere / "folder")
    write_whole("reports/today", "clean\n")
    assert (elsewhere / "folder/today").read_text(encoding="utf-8") == "clean\n"


def test_results_are_a_file_of_their_own(elsewhere: Path) -> None:
    with Results("kept.jsonl", "settings", []):
        pass
    shutil.move("kept.jsonl", elsewhere / "kept.jsonl")
    links_to("kept.jsonl", elsewhere / "kept.jsonl")
    before = os.stat(elsewhere / "kept.jsonl")
    with pytest.raises(UsageError, match="symbolic link"):
        Results("kept.jsonl", "settings", [], resume=True)
    assert os.stat(elsewhere / "kept.jsonl").st_ino == before.st_ino
