"""The golden matrices: the models of tests/models on some targets, in each format."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from onnxguard import __version__
from onnxguard.policy.target import load_target
from onnxguard.reporters import TARGET_REPORTERS
from onnxguard.reporters.kit.options import RenderOptions
from onnxguard.scanning.on_targets import Confirmed, Matrix, Provider, ask_targets

FOLDER = Path(__file__).parent.parent / "goldens" / "targets"
MODELS = Path(__file__).parent.parent / "models"
TARGETS = (
    *("onnxruntime-cpu@1.31.1", "onnxruntime-cuda@1.23.0-dev", "onnxruntime-webgpu@1.23.0-dev"),
    *("tensorrt@10.1", "openvino-cpu@winml-0.4.0", "tract@2026-08-22"),
)
_ENDINGS = {"text": "txt", "json": "json", "markdown": "md", "html": "html"}


def matrix() -> Matrix:
    """Every kind of answer, a model that cannot be read, and what a runtime said."""
    targets = list(map(load_target, TARGETS))
    names = sorted(path.name for path in MODELS.glob("*.onnx"))
    found = [
        ask_targets(str(MODELS / name), targets)._replace(path=f"models/{name}")
        for name in (*names, "external.onnx.data")
    ]
    first = found[0]
    said = Confirmed(True, "", (Provider("CPUExecutionProvider", 3),))
    refused = Confirmed(False, "no kernel <b>", ())
    asked = first.asked
    found[0] = first._replace(
        asked=(
            asked[0]._replace(confirmed=said),
            asked[1]._replace(confirmed=refused),
            *asked[2:],
        )
    )
    return Matrix(tuple((target.id, target.title) for target in targets), tuple(found))


class Golden(NamedTuple):
    """A matrix that is kept under ``FOLDER``."""

    format: str
    options: RenderOptions = RenderOptions()
    suffix: str = ""

    @property
    def file(self) -> str:
        """Its name."""
        return f"matrix{self.suffix}.{_ENDINGS[self.format]}"

    def render(self) -> str:
        """Render it, with the version left out so that a release does not change it."""
        text = TARGET_REPORTERS[self.format](matrix(), self.options)
        return text.replace(__version__, "VERSION")


GOLDENS = (
    *map(Golden, TARGET_REPORTERS),
    Golden("text", RenderOptions(color=True), "-color"),
    Golden("text", RenderOptions(verbosity=1), "-verbose"),
)
