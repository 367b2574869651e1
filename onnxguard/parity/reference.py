"""Find the reference that the user named, and load its weights."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from onnxguard.base.errors import OnnxguardError, UsageError
from onnxguard.base.extras import how_to_install
from onnxguard.base.printable import printable
from onnxguard.base.yaml_tree import near
from onnxguard.parity.exported_program import ExportedModule
from onnxguard.running.errors import ParityError, one_line
from onnxguard.running.graph_file import file_sha256
from onnxguard.students import find_student

STUDENT = "student:"
_EXTRA = "_extra_state"
"""Where ``Module.get_extra_state`` puts what need not be a tensor."""


class LoadedReference(NamedTuple):
    """A PyTorch reference that was loaded.

    Attributes:
        name: as the user named it, safe to print.
        module: the network.
        sha256: of its file, empty for a callable.
        weights_sha256: of the weights' file, empty where there is none.
    """

    name: str
    module: nn.Module
    sha256: str
    weights_sha256: str


def find_reference(spec: Any, weights: str | None) -> LoadedReference:
    """Load what ``spec`` names.

    Args:
        spec: a module, a callable that makes one, or a text: ``package.module:callable``,
            a ``.pt2`` file, ``student:NAME``. What it names is the user's own code and is run;
            loading a ``.pt2`` file evaluates expressions in it (torch.export reaches ``sympify``).
        weights: a safetensors file, or a state dict that PyTorch loads with weights_only.

    Raises:
        ParityError: OP001 no such reference, OP002 the weights do not fit it.
    """
    name = printable(spec) if isinstance(spec, str) else type(spec).__name__
    module, digest = _load(spec, name)
    weights_digest = ""
    if weights is not None:
        weights_digest = _load_weights(module, weights)
    elif isinstance(spec, str) and spec.startswith(STUDENT):
        raise UsageError(
            f"{name} is a network without weights: name its weights with `weights` FILE"
        )
    return LoadedReference(name, module, digest, weights_digest)


def _load(spec: Any, name: str) -> tuple[nn.Module, str]:
    if not isinstance(spec, str):
        return _made(spec, name), ""
    if spec.startswith(STUDENT):
        return find_student(spec.removeprefix(STUDENT)).build(), ""
    if spec.endswith(".pt2"):
        return _exported_program(spec, name)
    path, colon, attribute = spec.partition(":")
    if path.endswith(".py"):
        folder, stem = os.path.split(path.removesuffix(".py"))
        inside = not (os.path.isabs(folder) or ".." in folder)
        dots = f"{folder.replace('/', '.')}." if folder and inside else ""
        where = "" if inside else f", in the folder {printable(folder)}"
        wanted = printable(f"{dots}{stem}:{attribute or 'callable'}")
        raise ParityError("OP001", f'"{name}" is a file: write {wanted}{where}')
    if not colon or not path or not attribute:
        raise ParityError(
            "OP001",
            f'"{name}" is no reference: write package.module:callable, FILE.pt2 or student:NAME',
        )
    target = _imported(path, name)
    for part in attribute.split("."):
        if not hasattr(target, part):
            public = [n for n in dir(target) if callable(getattr(target, n, None)) and n[0] != "_"]
            said = f'"{printable(path)}" has no "{printable(part)}"{near(part, public)}'
            raise ParityError("OP001", f"{name}: {said}")
        target = getattr(target, part)
    return _made(target, name), ""


def _imported(path: str, name: str) -> Any:
    here = os.getcwd()
    sys.path.insert(0, here)  # a script beside the model, as python -m would find it
    try:
        return importlib.import_module(path)
    except (Exception, SystemExit) as error:
        said = f"cannot be imported: {one_line(error)}{_install(error)}"
        raise ParityError("OP001", f"{name}: {said}") from None
    finally:
        if here in sys.path:
            sys.path.remove(here)


def _made(target: Any, name: str) -> nn.Module:
    if isinstance(target, nn.Module):
        return target
    if not callable(target):
        kind = type(target).__name__
        raise ParityError("OP001", f"{name} is no module or callable but of type {kind}")
    try:
        made = target()
    except OnnxguardError:
        raise
    except (Exception, SystemExit) as error:
        said = f"calling it failed: {one_line(error)}{_install(error)}"
        if isinstance(error, TypeError) and "required positional argument" in said:
            said += "; name a function that takes nothing and makes the module"
        raise ParityError("OP001", f"{name}: {said}") from None
    if not isinstance(made, nn.Module):
        kind = type(made).__name__
        raise ParityError("OP001", f"{name} makes a {kind}, not a torch.nn.Module")
    return made


def _install(error: BaseException) -> str:
    """How to get a package that is missing, if it is of the extra."""
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    return f" ({how_to_install('parity')})" if missing in ("onnxscript", "safetensors") else ""


def _exported_program(path: str, name: str) -> tuple[nn.Module, str]:
    try:
        digest = file_sha256(path)
        module = ExportedModule(torch.export.load(path))
    except OnnxguardError:
        raise
    except Exception as error:
        raise ParityError("OP001", f"{name}: not an exported program: {one_line(error)}") from None
    return module, digest


def _load_weights(module: nn.Module, path: str) -> str:
    shown = printable(path)
    try:
        digest = file_sha256(path)
        state = _state(path)
    except OSError as error:
        raise ParityError("OP002", f"{shown}: cannot be read: {error.strerror}") from None
    except OnnxguardError:
        raise
    except Exception:  # PyTorch's own message advises to load it unsafely
        raise ParityError(
            "OP002",
            f"{shown}: neither safetensors nor a state dict of tensors alone: save one with "
            "safetensors, or with torch.save(model.state_dict(), FILE)",
        ) from None
    problems = list(_mismatches(module.state_dict(), state))
    if problems:
        more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ParityError("OP002", f"{shown} does not fit: {', '.join(problems[:3])}{more}")
    try:
        module.load_state_dict(state)
    except Exception as error:
        raise ParityError("OP002", f"{shown} does not fit: {one_line(error)}") from None
    return digest


def _state(path: str) -> Mapping[str, Any]:
    if path.endswith(".safetensors"):
        try:
            from safetensors.torch import load_file
        except ImportError:
            raise UsageError(f"safetensors is missing: {how_to_install('parity')}") from None
        loaded: Any = load_file(path)
    else:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping) or not all(
        isinstance(name, str) and (torch.is_tensor(value) or name.endswith(_EXTRA))
        for name, value in loaded.items()
    ):
        raise ParityError("OP002", f"{printable(path)}: not a state dict of tensors")
    return loaded


def _mismatches(wanted: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    for name in wanted:
        if name not in given:
            yield f'"{printable(name)}" is missing'
        elif name.endswith(_EXTRA):
            continue
        elif wanted[name].shape != given[name].shape:
            shapes = f"{list(given[name].shape)} instead of {list(wanted[name].shape)}"
            yield f'"{printable(name)}" is {shapes}'
        elif _kind(wanted[name]) != _kind(given[name]):
            dtypes = f"{given[name].dtype} instead of {wanted[name].dtype}"
            yield f'"{printable(name)}" is {dtypes}'
    for name in given:
        if name not in wanted:
            yield f'"{printable(name)}" is not in the network'


def _kind(tensor: torch.Tensor) -> tuple[bool, bool]:
    return tensor.dtype.is_floating_point, tensor.dtype.is_complex
