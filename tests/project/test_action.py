"""The GitHub action: its own script, run as the runner runs it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from support.checkout import ROOT, installed, run

STEPS = ("Install onnxguard", "Judge")
PINS = re.findall(
    r"^([a-z]+)==(\S+)",
    (ROOT / "tools/action_requirements.txt").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def temp(action: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first step put in place, of a workspace that holds nothing (installs from PyPI)."""
    folder = tmp_path_factory.mktemp("action")
    (folder / "work").mkdir()
    step(action, 0, folder / "work", folder / "temp", rc=0)
    return folder / "temp"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def scan(action: dict[str, Any], temp: Path, workspace: Path) -> Callable[..., str]:
    """Run the second step with these inputs, the others at their defaults."""
    return partial(step, action, 1, workspace, temp)


def step(
    action: dict[str, Any],
    number: int,
    workspace: Path,
    temp: Path,
    rc: int | None,
    before: dict[str, str] | None = None,
    **inputs: str,
) -> str:
    """Run a step as the runner does, in an environment that earlier steps wrote to."""
    this = action["runs"]["steps"][number]
    given = {name: value["default"] for name, value in action["inputs"].items()} | inputs
    environment = (before or {}) | {
        name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        if "$" in value
        else value
        for name, value in this["env"].items()
    }
    temp.mkdir(exist_ok=True)
    for name in ("output", "summary"):
        (temp / name).unlink(missing_ok=True)
    script = temp / "step.sh"
    script.write_text(this["run"], encoding="utf-8")
    program, *words = shlex.split(this["shell"])
    return run(
        shutil.which(program) or program,  # the runner finds it, by a PATH of its own
        *(str(script) if word == "{0}" else word for word in words),
        cwd=workspace,
        rc=rc,
        **environment,
        RUNNER_TEMP=str(temp),
        GITHUB_ACTION_PATH=str(ROOT),
        GITHUB_OUTPUT=str(temp / "output"),
        GITHUB_STEP_SUMMARY=str(temp / "summary"),
        GITHUB_WORKSPACE=str(workspace),
        GITHUB_ACTIONS="true",
    ).stdout


def test_scripts_read_no_expression(action: dict[str, Any]) -> None:
    steps = action["runs"]["steps"]
    assert tuple(step["name"] for step in steps) == STEPS
    assert not [step["name"] for step in steps if "${{" in step["run"]]


def test_findings_fail_the_step(scan: Callable[..., str], workspace: Path) -> None:
    for model in ("saliency_v1.onnx", "saliency_v2.onnx"):
        shutil.copy(ROOT / "tests/models" / model, workspace)
    assert "::error" not in scan(rc=0)
    assert "::error" in scan(rc=1, allowlist="pre-adr-0258")
    assert "::error" not in scan(rc=0, allowlist="pre-adr-0258", paths="saliency_v1.onnx")


def test_lines_are_arguments(scan: Callable[..., str], workspace: Path) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v1.onnx", workspace / "a model.onnx")
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", workspace / "-v2.onnx")
    output = scan(
        rc=1,
        paths="  a model.onnx\t\r\n\r\n \n-v2.onnx",
        allowlist="pre-adr-0258",
        format=" text \r\n sarif:out.sarif \n",
        args="\t--jobs=2 \n-v\n",
    )
    assert (workspace / "out.sarif").is_file()
    assert "a model.onnx" in output
    assert "-v2.onnx" in output


def test_an_input_is_never_run(scan: Callable[..., str], workspace: Path) -> None:
    for name in (
        *("command", "paths", "allowlist", "format", "config", "args"),
        *("working-directory", "summary"),
    ):
        scan(rc=2, **{name: "$(touch run)`touch run`'; touch run; #"})
        assert not list(workspace.iterdir())


def test_a_repository_is_checked_by_its_manifest(scan: Callable[..., str], workspace: Path) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", workspace)
    manifest = workspace / "onnxguard.yaml"
    manifest.write_text("schema: 1\nmodels: [{paths: ['*.onnx']}]\n", encoding="utf-8")
    assert "::error" not in scan(rc=0, command="check", args="--no-cache")
    shutil.copy(ROOT / "tests/models/saliency_v1.onnx", workspace / "other")
    manifest.write_text("schema: 1\nmodels: [{paths: [other]}]\n", encoding="utf-8")
    output = scan(rc=1, command="check", args="--no-cache")
    assert "OG811" in output


def outputs(temp: Path) -> dict[str, str]:
    lines = (temp / "output").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("models", "more", "rc", "said"),
    [
        (["v1"], {}, 0, ("pass", "0", "1", "0", "0")),
        (["v1", "v2"], {}, 1, ("fail", "1", "2", "1", "0")),
        (["v1", "v2"], {"args": "--exit-zero"}, 0, ("fail", "0", "2", "1", "0")),
        (["v2", "odd"], {}, 2, ("error", "2", "2", "1", "1")),
        (["v1"], {"allowlist": "none"}, 2, ("error", "2", "", "", "")),
        ([], {}, 2, ("error", "2", "1", "0", "1")),
    ],
)
def test_outputs_say_what_came_of_it(
    action: dict[str, Any],
    scan: Callable[..., str],
    workspace: Path,
    temp: Path,
    models: list[str],
    more: dict[str, str],
    rc: int,
    said: tuple[str, ...],
) -> None:
    for name in models:
        data = (
            b"no model"
            if name == "odd"
            else (ROOT / f"tests/models/saliency_{name}.onnx").read_bytes()
        )
        (workspace / f"{name}.onnx").write_bytes(data)
    scan(rc=rc, **({"allowlist": "pre-adr-0258"} | more))
    names = ("verdict", "exit-code", "models", "failed", "not-verified")
    assert outputs(temp) == dict(zip(names, said, strict=True))
    values = {name: f"${{{{ steps.judge.outputs.{name} }}}}" for name in names}
    assert {name: each["value"] for name, each in action["outputs"].items()} == values
    assert action["runs"]["steps"][1]["id"] == "judge"


def test_the_summary_tells_the_findings(
    scan: Callable[..., str], workspace: Path, temp: Path
) -> None:
    shutil.copy(ROOT / "tests/models" / BAD, workspace)
    scan(rc=1, allowlist="pre-adr-0258")
    summary = (temp / "summary").read_text(encoding="utf-8")
    assert summary.startswith("## onnxguard scan: FAIL\n")
    assert "OG101" in summary
    scan(rc=1, allowlist="pre-adr-0258", summary="false")
    assert not (temp / "summary").exists()
    scan(rc=2, allowlist="nowhere")  # nothing of an earlier step is told
    assert not (temp / "summary").exists()


def test_a_folder_to_work_in_and_paths_of_both_commands(
    scan: Callable[..., str], workspace: Path, temp: Path
) -> None:
    (workspace / "sub folder" / "m").mkdir(parents=True)
    for place in (".", "sub folder", "sub folder/m"):
        shutil.copy(ROOT / "tests/models/saliency_v1.onnx", workspace / place / "a.onnx")
    manifest = workspace / "sub folder/onnxguard.yaml"
    manifest.write_text("schema: 1\nmodels: [{paths: ['**/*.onnx']}]\n", encoding="utf-8")
    counts = {}
    for command in ("scan", "check"):
        for paths in ("", "m"):
            scan(rc=0, command=command, paths=paths, **{"working-directory": "sub folder"})
            counts[command, paths] = outputs(temp)["models"]
    assert counts == {
        ("scan", ""): "2",
        ("scan", "m"): "1",
        ("check", ""): "2",
        ("check", "m"): "1",
    }
    said = scan(rc=2, **{"working-directory": "nowhere"})
    assert "working-directory is no folder" in said


def test_a_cache_is_used_with_a_key_alone(
    scan: Callable[..., str], workspace: Path, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", workspace)
    text = "schema: 1\nmodels: [{paths: ['*.onnx']}]\n"
    (workspace / "onnxguard.yaml").write_text(text, encoding="utf-8")
    before = {"ONNXGUARD_CACHE": str(tmp_path / "cache")}
    scan(rc=0, command="check", before=before)
    assert not (tmp_path / "cache").exists()
    # A repository that could bring a key along could bring a cache that it signed.
    scan(rc=0, command="check", before=before | {"ONNXGUARD_CACHE_KEY": 32 * "k"})
    assert not (tmp_path / "cache").exists()
    said = scan(rc=0, command="check", before=before, **{"cache-key": 32 * "k"})
    assert list((tmp_path / "cache").iterdir())
    assert "decided by manifest onnxguard.yaml sha256:" in said


def test_another_command_is_refused(scan: Callable[..., str]) -> None:
    assert "scan or check" in scan(rc=2, command="rm")


# -- a hostile repository --------------------------------------------------------------------------

MODULES = (
    *("venv.py", "ensurepip.py", "pip/__init__.py", "pip/__main__.py", "site.py", "runpy.py"),
    *("sitecustomize.py", "usercustomize.py", "logging.py", "sysconfig.py", "encodings.py"),
    *("onnxguard/__init__.py", "onnxguard/__main__.py", "click.py", "yaml/__init__.py"),
    *("setup.py", "build_backend.py", "command/install.py"),
)
PROGRAMS = ("python3", "python", "pip", "onnxguard", "bash", "env", "dirname", "readlink")
FILES = {
    ".pydistutils.cfg": "[global]\ncommand_packages = command\n",
    "setup.cfg": "[global]\ncommand_packages = command\n",
    "pip.conf": "[global]\nindex-url = {index}\n[install]\ntarget = {work}/stolen\n",
    "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'build_backend'\n"
    "backend-path = ['.']\n",
    ".python-version": "2.7\n",
    ".env": "BASH_ENV=evil.sh\n",
    "evil.sh": "echo evil.sh >> {ran}\n",
    "openssl.cnf": "openssl_conf = init\n[init]\nproviders = all\n[all]\nevil = one\n"
    "[one]\nmodule = {work}/evil.so\nactivate = 1\n",
    "evil.pth": "import venv\n",
}
BAD = "saliency_v2.onnx"


def fake_wheel(folder: Path, name: str, module: str, code: str) -> str:
    """A wheel that calls itself by a pinned name and version, and runs once it is imported."""
    version = dict(PINS)[name]
    file = folder / f"{name}-{version}-py3-none-any.whl"
    information = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(f"{module}/__init__.py", code)
        wheel.writestr(f"{module}.pth", f"import {module}\n")
        wheel.writestr(
            f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{information}/RECORD", "")
    return file.name


class Attack(NamedTuple):
    """A workspace that runs as soon as anybody lets it, and the environment that it left."""

    work: Path
    ran: Path
    environment: dict[str, str]

    def who_ran(self) -> str:
        return self.ran.read_text(encoding="utf-8") if self.ran.exists() else ""


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Attack:
    base = tmp_path_factory.mktemp("hostile")
    work, ran = base / "work", base / "ran"
    index = work / "index"
    for folder in ("pip", "onnxguard", "yaml", "command", "bin", "index", ".pip", ".config/pip"):
        (work / folder).mkdir(parents=True)
    for name in MODULES:
        (work / name).write_text(f"open({str(ran)!r}, 'a').write({name + chr(10)!r})\n")
    for name in PROGRAMS:
        for program in (work / name, work / "bin" / name):
            program.unlink(missing_ok=True) if not program.is_dir() else None
            if not program.exists():
                program.write_text(f"#!/bin/sh\necho {name} >> {ran}\nexit 0\n")
                program.chmod(0o755)
    for name, text in FILES.items():
        content = text.format(ran=ran, work=work, index=index.as_uri())
        (work / name).write_text(content, encoding="utf-8")
    for place in (".pip/pip.conf", ".config/pip/pip.conf"):
        shutil.copy(work / "pip.conf", work / place)
    for name, module in (("click", "click"), ("pyyaml", "yaml")):
        (index / name).mkdir()
        wheel = fake_wheel(index / name, name, module, f"open({str(ran)!r}, 'a').write('wheel')\n")
        (index / name / "index.html").write_text(f'<a href="{wheel}">{wheel}</a>')
    for model in (BAD, "saliency_v1.onnx"):
        shutil.copy(ROOT / "tests/models" / model, work)
    touch = f"$(echo expanded >> {ran})"
    function = f"() {{ echo function >> {ran}; }}"
    return Attack(
        work,
        ran,
        {
            "BASH_ENV": str(work / "evil.sh"),
            "ENV": str(work / "evil.sh"),
            "SHELLOPTS": "xtrace",
            "PS4": touch,
            "PROMPT_COMMAND": touch,
            "BASH_FUNC_unset%%": function,
            "BASH_FUNC_type%%": function,
            "BASH_FUNC_cd%%": function,
            "CDPATH": str(work),
            "HOME": str(work),
            "LD_LIBRARY_PATH": str(work),
            "LD_PRELOAD": str(work / "evil.so"),
            "ONNXGUARD_TRACEBACK": "1",
            "OPENSSL_CONF": str(work / "openssl.cnf"),
            "PATH": f"{work}/bin:{work}/../work/bin:.:bin::{os.environ['PATH']}",
            "PIP_CONFIG_FILE": str(work / "pip.conf"),
            "PIP_EXTRA_INDEX_URL": index.as_uri(),
            "PIP_FIND_LINKS": str(index / "click"),
            "PIP_NO_INDEX": "1",
            "PIP_PYTHON": str(work / "python3"),
            "PIP_TARGET": str(work / "stolen"),
            "PYTHONBREAKPOINT": "venv.main",
            "PYTHONHOME": str(work),
            "PYTHONPATH": str(work),
            "PYTHONPLATLIBDIR": str(work),
            "PYTHONSTARTUP": str(work / "venv.py"),
            "PYTHONUSERBASE": str(work),
            "PYTHONWARNINGS": "error::venv.Warning",
            "VIRTUAL_ENV": str(work),
            "XDG_CONFIG_DIRS": str(work / ".config"),
            "XDG_CONFIG_HOME": str(work / ".config"),
            "_ONNXGUARD_COMPLETE": "bash_source",
            "__PYVENV_LAUNCHER__": str(work / "python3"),
        },
    )


def test_a_workspace_runs_nothing(action: dict[str, Any], attack: Attack, tmp_path: Path) -> None:
    work, temp, before = attack.work, tmp_path / "temp", attack.environment
    said = step(action, 0, work, temp, rc=0, before=before)
    assert (attack.who_ran(), "evil" in said) == ("", False)
    (python,) = (temp / "onnxguard").glob("bin/python")
    # Of a checkout that was installed from, onnxguard's own name is seen there too.
    assert installed(python) - {"onnxguard"} == {"click", "pyyaml"}
    assert not (work / "stolen").exists()
    given = {"allowlist": "pre-adr-0258", "args": "--jobs=2"}
    said = step(action, 1, work, temp, rc=1, before=before, **given)
    assert "OG101" in said
    assert "1 of 2 models passed" in said
    assert (attack.who_ran(), "evil" in said) == ("", False)
    said = step(action, 1, work, temp, rc=0, before=before)
    assert "2 of 2 models passed" in said
    assert (attack.who_ran(), "evil" in said) == ("", False)


def test_extras_are_installed_by_their_pinned_versions(
    action: dict[str, Any], workspace: Path, tmp_path: Path
) -> None:
    temp = tmp_path / "temp"
    step(action, 0, workspace, temp, rc=0, extras=" onnx\r\n")
    (python,) = (temp / "onnxguard").glob("bin/python")
    pins = dict(
        re.findall("^(onnx|numpy)==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    )
    code = "import onnx, numpy; print(onnx.__version__, numpy.__version__)"
    assert run(python, "-I", "-c", code, cwd=tmp_path).stdout.split() == [
        pins["onnx"],
        pins["numpy"],
    ]
    shutil.copy(ROOT / "tests/models/saliency_v2.onnx", workspace)
    step(action, 1, workspace, temp, rc=0, args="--full-check")
    said = step(action, 0, workspace, temp, rc=2, extras="$(touch run)")
    assert "no extra '$(touch run)'" in said
    assert [path.name for path in workspace.iterdir()] == ["saliency_v2.onnx"]


def test_extras_may_name_each_other(tmp_path: Path) -> None:
    def asked(extra: str) -> set[str]:
        script = ROOT / "tools/action_extras.py"
        return set(run(sys.executable, "-I", script, extra, cwd=tmp_path).stdout.splitlines())

    assert asked("train") > asked("parity")
    assert asked("all") > asked("train") | asked("remote")
    assert not [each for each in asked("all") if each.startswith("onnxguard")]


def test_an_index_cannot_change_what_is_installed(
    action: dict[str, Any], attack: Attack, tmp_path: Path
) -> None:
    before = attack.environment | {"PIP_INDEX_URL": (attack.work / "index").as_uri()}
    said = step(action, 0, attack.work, tmp_path / "temp", rc=1, before=before)
    assert "DO NOT MATCH THE HASHES" in said
    assert attack.who_ran() == ""


def test_only_pythons_of_the_workspace(
    action: dict[str, Any], attack: Attack, tmp_path: Path
) -> None:
    before = {"PATH": f"{attack.work}/bin"}
    said = step(action, 0, attack.work, tmp_path / "temp", rc=2, before=before)
    assert "no python3 of version 3.11 or newer outside the workspace" in said
    assert attack.who_ran() == ""


def test_a_configuration_can_be_left_out(scan: Callable[..., str], workspace: Path) -> None:
    shutil.copy(ROOT / "tests/models" / BAD, workspace)
    (workspace / "pyproject.toml").write_text("[tool.onnxguard]\nignore = ['OG1']\n")
    scan(rc=0, allowlist="pre-adr-0258")
    scan(rc=1, allowlist="pre-adr-0258", config="none")


def test_pins_are_those_of_the_constraints() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().split()
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split("[<>=]", each)[0].lower() for each in pyproject["project"]["dependencies"]}
    assert {name for name, _ in PINS} == wanted
    assert {f"{name}=={version}" for name, version in PINS} <= set(constraints)


def test_nothing_reaches_bash_before_its_first_line(action: dict[str, Any]) -> None:
    """What the loader and the C library read for it: libraries, locales and converters."""
    for each in action["runs"]["steps"]:
        given = {name: each["env"][name] for name in ("GCONV_PATH", "LOCPATH", "LC_ALL")}
        assert given == {"GCONV_PATH": "", "LOCPATH": "", "LC_ALL": "C.UTF-8"}
        assert {each["env"][name] for name in ("LD_AUDIT", "LD_LIBRARY_PATH", "LD_PRELOAD")} == {""}
