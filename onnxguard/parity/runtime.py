"""ONNX Runtime, with the provider that was asked for or none."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped] # it has no stubs

from onnxguard.parity.comparison import Array
from onnxguard.parity.errors import ParityError, RefusedError
from onnxguard.parity.settings import LEVELS, PROVIDERS
from onnxguard.printable import printable

PROVIDER_NAMES = dict(
    zip(
        PROVIDERS,
        ("CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"),
        strict=True,
    )
)
"""ONNX Runtime's names by ours."""

_LEVELS = dict(
    zip(
        LEVELS,
        (
            ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
            ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
            ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
            ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
        ),
        strict=True,
    )
)

MESSAGE = 300
"""Characters of a refusal that are kept."""

_FATAL = 4
_OPTIONS: dict[str, dict[str, str]] = {
    # TF32 keeps 10 bits of 23: a difference of 1e-3 would be normal.
    "cuda": {"use_tf32": "0"},
}


class Session:
    """A graph that was loaded by ONNX Runtime.

    Args:
        data: the model's bytes.
        provider: a key of ``PROVIDERS``.
        level: a key of ``LEVELS``.
        folder: where external data lies, empty where there is none.
        profiled: measure which provider runs which node.

    Raises:
        ParityError: OP004 where the provider is not active, OP005 where the model does not load.
    """

    def __init__(
        self,
        data: bytes,
        provider: str = "cpu",
        level: str = "all",
        folder: str = "",
        profiled: bool = False,
    ) -> None:
        ort.set_default_logger_severity(_FATAL)
        options = ort.SessionOptions()
        options.log_severity_level = _FATAL
        options.graph_optimization_level = _LEVELS[level]
        if folder:
            key = "session.model_external_initializers_file_folder_path"
            options.add_session_config_entry(key, folder)
        if profiled:
            options.enable_profiling = True
            options.profile_file_prefix = os.path.join(tempfile.mkdtemp(), "profile")
        wanted = PROVIDER_NAMES[provider]
        available = ort.get_available_providers()
        if wanted not in available:
            raise _inactive(provider, f"this build has {_names(available)}")
        providers: list[Any] = [(wanted, _OPTIONS.get(provider, {}))]
        if provider != "cpu":
            providers.append(PROVIDER_NAMES["cpu"])
        try:
            self._session = ort.InferenceSession(data, options, providers=providers)
        except Exception as error:
            raise ParityError("OP005", f"ONNX Runtime refuses it: {one_line(error)}") from None
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        if wanted not in self.providers:
            raise _inactive(provider, f"active: {_names(list(self.providers))}")
        self.outputs: tuple[str, ...] = tuple(v.name for v in self._session.get_outputs())
        self._profiled = profiled

    def run(self, feeds: Mapping[str, Array]) -> list[tuple[str, Array]]:
        """Run on copies of the inputs, bound by name; give copies of the outputs, in order.

        Raises:
            RefusedError: ONNX Runtime does not take these inputs.
        """
        copies = {name: np.array(array) for name, array in feeds.items()}
        try:
            values = self._session.run(None, copies)
        except Exception as error:
            raise RefusedError(one_line(error)) from None
        return [(name, np.array(value)) for name, value in zip(self.outputs, values, strict=True)]

    def placement(self) -> tuple[tuple[str, int], ...]:
        """End the profile: how many nodes each provider ran; nothing where none was asked for."""
        if not self._profiled:
            return ()
        path = self._session.end_profiling()
        with open(path, encoding="utf-8") as stream:
            events = json.load(stream)
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
        ran = {
            event["name"]: event["args"]["provider"]
            for event in events
            if event.get("cat") == "Node" and "provider" in event.get("args", {})
        }
        return tuple(sorted(Counter(ran.values()).items()))


def one_line(error: BaseException) -> str:
    """An exception's message, or its class where it has none, as one printable line."""
    text = " ".join(str(error).split())
    if not text or isinstance(error, SystemExit):
        text = f"{type(error).__name__} {text}".rstrip()
    return printable(text, MESSAGE)


def _inactive(provider: str, why: str) -> ParityError:
    return ParityError("OP004", f"the provider {provider} is not active here: {why}")


def _names(providers: list[str]) -> str:
    known = {name: short for short, name in PROVIDER_NAMES.items()}
    return ", ".join(known.get(name, name) for name in providers)
