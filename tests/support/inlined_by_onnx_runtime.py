"""A child process: loads each model of a folder, says what ONNX Runtime runs, saves what it made.

A line of JSON a model: its name and the list of domain and op_type of every node that an execution
provider was given; null where it does not load.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import onnxruntime

SECONDS = 5
"""Within which a model has to load; the process ends at one that does not."""


def assigned(path: Path) -> list[tuple[str, str]] | None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.optimized_model_filepath = str(path.with_suffix(".inlined"))
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # noqa: BLE001 - whatever it raises, it does not load
        return None
    groups = session.get_provider_graph_assignment_info()
    return [(node.domain, node.op_type) for group in groups for node in group.get_nodes()]


def main() -> None:
    onnxruntime.set_default_logger_severity(4)
    for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
        signal.alarm(SECONDS)
        print(json.dumps([path.name, assigned(path)]), flush=True)


if __name__ == "__main__":
    main()
