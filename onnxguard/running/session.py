"""ONNX Runtime, with the provider that was asked for or none."""

from __future__ import annotations

import gc
import json
import mmap
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped] # it has no stubs

from onnxguard.base.memory import trim
from onnxguard.running.comparison import Array
from onnxguard.running.errors import ParityError, RefusedError, TimeLimitError, one_line
from onnxguard.running.limited import within
from onnxguard.running.ort_values import UnsupportedError, from_ort_value, to_ort_value
from onnxguard.running.providers import LEVELS, PROVIDER_NAMES, PROVIDER_OPTIONS, RunSettings

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

_FATAL = 4


class Session:
    """A graph that was loaded by ONNX Runtime.

    Args:
        data: the model's bytes.
        settings: the provider, the optimisations, and how long a run may take; what takes longer is
            stopped.
        folder: where external data lies, empty where there is none.
        profiled: measure which provider runs which node.
        files: ``(location, path)`` of external data that is handed over instead of the folder.
        threads: that share a node, 0: as ONNX Runtime does by itself.
        outputs: those that are wanted, None for all.
        beside: the values of weights that the model says lie in a file, by name.

    Raises:
        ParityError: OP004 where the provider is not active, OP005 where the model does not load.
    """

    def __init__(
        self,
        data: bytes,
        settings: RunSettings,
        folder: str = "",
        profiled: bool = False,
        files: tuple[tuple[str, str], ...] = (),
        threads: int = 0,
        outputs: tuple[str, ...] | None = None,
        beside: Mapping[str, Array] | None = None,
    ) -> None:
        options = session_options(settings.optimization_level)
        options.intra_op_num_threads = threads
        contents = [(location, _mapped(path)) for location, path in files]
        if contents:  # they must live until the session is there
            names, buffers = zip(*contents, strict=True)
            lengths = list(map(len, buffers))
            options.add_external_initializers_from_files_in_memory(names, buffers, lengths)
        elif folder:
            key = "session.model_external_initializers_file_folder_path"
            options.add_session_config_entry(key, folder)
        # These are not copied by all means, and must live as long as the session.
        self._beside = {name: to_ort_value(array) for name, array in (beside or {}).items()}
        if self._beside:
            values = list(self._beside.values())
            options.add_external_initializers(list(self._beside), values)
        self._profile = tempfile.mkdtemp() if profiled else ""
        if profiled:
            options.enable_profiling = True
            options.profile_file_prefix = os.path.join(self._profile, "profile")
        try:
            self._session = _loaded(data, options, settings.provider)
        except BaseException:
            shutil.rmtree(self._profile, ignore_errors=True)
            raise
        self._seconds = settings.run_seconds
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self.outputs = outputs or tuple(v.name for v in self._session.get_outputs())

    def run(self, feeds: Mapping[str, Array]) -> list[tuple[str, Array]]:
        """Run on copies of the inputs, bound by name; give copies of the outputs, in order.

        Raises:
            RefusedError: ONNX Runtime does not take these inputs, or gives what cannot be read.
            TimeLimitError: it takes too long.
        """
        try:
            return [(name, from_ort_value(value)) for name, value in self._values(feeds)]
        except UnsupportedError as error:
            raise RefusedError(str(error)) from None

    def readable(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """As ``run``, without the outputs that cannot be read from Python: sequences, for one."""
        found = {}
        for name, value in self._values(feeds):
            with suppress(UnsupportedError):
                found[name] = from_ort_value(value)
        return found

    def _values(self, feeds: Mapping[str, Array]) -> list[tuple[str, Any]]:
        try:
            copies = {name: to_ort_value(np.array(array)) for name, array in feeds.items()}
        except UnsupportedError as error:
            raise RefusedError(str(error)) from None
        options = ort.RunOptions()

        def run() -> list[Any]:
            values: list[Any] = self._session.run_with_ort_values(self.outputs, copies, options)
            return values

        try:
            values = within(self._seconds, run, lambda: setattr(options, "terminate", True))
        except TimeLimitError:
            raise
        except Exception as error:
            raise RefusedError(one_line(error)) from None
        return list(zip(self.outputs, values, strict=True))

    def close(self) -> None:
        """Give back what the graph takes; it cannot be run any more."""
        self._session = None
        self._beside = {}
        gc.collect()  # a run that failed left an error, whose frames hold the session
        trim()

    def placement(self) -> tuple[tuple[str, int], ...]:
        """End the profile: how many nodes each provider ran; nothing where none was asked for."""
        if not self._profile:
            return ()
        with open(self._session.end_profiling(), encoding="utf-8") as stream:
            events = json.load(stream)
        shutil.rmtree(self._profile, ignore_errors=True)
        ran = {
            event["name"]: event["args"]["provider"]
            for event in events
            if event.get("cat") == "Node" and "provider" in event.get("args", {})
        }
        return tuple(sorted(Counter(ran.values()).items()))


def session_options(level: str) -> Any:
    """Options of a session that logs nothing; ``level`` is a key of ``LEVELS``."""
    ort.set_default_logger_severity(_FATAL)
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.graph_optimization_level = _LEVELS[level]
    options.enable_cpu_mem_arena = False  # which keeps what the largest run took
    return options


def _mapped(path: str) -> bytes | mmap.mmap:
    with open(path, "rb") as stream:
        empty = not os.fstat(stream.fileno()).st_size  # which cannot be mapped
        return b"" if empty else mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _loaded(data: bytes, options: Any, provider: str) -> Any:
    wanted = PROVIDER_NAMES[provider]
    available = ort.get_available_providers()
    if wanted not in available:
        raise _inactive(provider, f"this build has {_names(available)}")
    providers: list[Any] = [(wanted, PROVIDER_OPTIONS.get(provider, {}))]
    if provider != "cpu":
        providers.append(PROVIDER_NAMES["cpu"])
    try:
        # With its fallback, a session that fails goes on on the CPU and says so on stdout.
        session = ort.InferenceSession(data, options, providers=providers, enable_fallback=0)
        session._model_bytes = b""  # noqa: SLF001 - kept for a fallback that is switched off
    except Exception as error:
        if provider != "cpu":
            raise _inactive(provider, one_line(error)) from None
        raise ParityError("OP005", f"ONNX Runtime refuses it: {one_line(error)}") from None
    if wanted not in session.get_providers():
        raise _inactive(provider, f"active: {_names(session.get_providers())}")
    return session


def _inactive(provider: str, why: str) -> ParityError:
    return ParityError("OP004", f"the provider {provider} is not active here: {why}")


def _names(providers: list[str]) -> str:
    known = {name: short for short, name in PROVIDER_NAMES.items()}
    return ", ".join(known.get(name, name) for name in providers)
