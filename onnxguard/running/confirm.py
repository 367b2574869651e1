"""Load a model with the ONNX Runtime that is installed, and say which provider takes its nodes."""

from __future__ import annotations

from collections import Counter

from onnxguard.base.printable import printable
from onnxguard.running.child import DiedError, RaisedError, TimedOutError, Worker
from onnxguard.running.errors import MESSAGE
from onnxguard.scanning.on_targets import Confirmed, Provider

SECONDS = 120.0


def confirm(path: str, providers: tuple[str, ...]) -> Confirmed:
    """Load a model in a child process that may crash or hang.

    Args:
        path: of the model; its external data is read beside it.
        providers: in the order in which they are asked; the CPU comes last.
    """
    with Worker() as worker:
        try:
            counts = worker.call(_loaded, path, providers, seconds=SECONDS)
        except (RaisedError, DiedError, TimedOutError) as error:
            return Confirmed(False, printable(str(error), MESSAGE), ())
    return Confirmed(True, "", tuple(Provider(*each) for each in sorted(counts.items())))


def _loaded(path: str, providers: tuple[str, ...]) -> dict[str, int]:
    """Nodes by the provider that runs them, as ONNX Runtime has made them by then."""
    import onnxruntime  # type: ignore[import-untyped] # it has no stubs

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    missing = set(providers) - set(onnxruntime.get_available_providers())
    if missing:
        raise ValueError(f"the installed ONNX Runtime has no {', '.join(sorted(missing))}")
    session = onnxruntime.InferenceSession(path, options, providers=list(providers))
    ask = getattr(session, "get_provider_graph_assignment_info", None)
    if ask is None:  # before 1.24
        return {}
    return dict(Counter(part.ep_name for part in ask() for _ in part.get_nodes()))
