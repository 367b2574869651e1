"""Prediction and truth: what a target says of models, and whether ONNX Runtime loads them.

    python -m benchmarks.targets [FOLDER...]

Asks the registry's target of the ONNX Runtime that is installed about the models of the folders, or
without any about all official node cases. Prints every miss.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import onnxruntime

from onnxguard.conformance.cases import node_cases
from onnxguard.policy.target import load_target
from onnxguard.rules.targets import Answer
from onnxguard.scanning.on_targets import ask_targets

CPU = "CPUExecutionProvider"


def main(folders: list[str]) -> None:
    """Print what was predicted, what is true, and where they differ."""
    onnxruntime.set_default_logger_severity(4)
    target = load_target(f"onnxruntime-cpu@{onnxruntime.__version__}")
    groups = {} if folders else {"official node cases": _official()}
    groups |= {
        folder: ((p.name, p) for p in sorted(Path(folder).glob("*.onnx"))) for folder in folders
    }
    for group, models in groups.items():
        tally: Counter[tuple[str, bool]] = Counter()
        missed = []
        started = time.perf_counter()
        for name, path in models:
            asked = ask_targets(str(path), [target]).asked
            answer = asked[0].answer if asked else Answer.UNKNOWN
            loads, said = _loads(path)
            tally[answer.value, loads] += 1
            if (answer is Answer.RUNS) is not loads:
                why = asked[0].reasons[0].why if asked and asked[0].reasons else ""
                missed.append(f"  {name}: predicted {answer.value} {why}; loads: {loads} {said}")
        total = sum(tally.values())
        right = total - len(missed)
        print(f"{group}: {target.id}, {right} of {total} right, {100 * right / total:.2f} %")
        for (answer_name, loads), count in sorted(tally.items()):
            print(f"  {answer_name}, {'loads' if loads else 'does not load'}: {count}")
        print(*missed, sep="\n")
        print(f"  {time.perf_counter() - started:.1f} s")


def _official() -> Iterator[tuple[str, Path]]:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        for case in node_cases():
            path = Path(folder) / "model.onnx"
            path.write_bytes(case.model.SerializeToString())
            yield case.name, path


def _loads(path: Path) -> tuple[bool, str]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(str(path), options, providers=[CPU])
    except Exception as error:  # noqa: BLE001 - whatever it was is printed
        return False, str(error).splitlines()[0][:160]
    return True, ""


if __name__ == "__main__":
    main(sys.argv[1:])
