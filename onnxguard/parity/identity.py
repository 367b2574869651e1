"""What was compared with what: digests, versions, providers."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from onnxguard.base.printable import printable
from onnxguard.parity.loading import Sides
from onnxguard.parity.report import Identity
from onnxguard.parity.settings import Settings
from onnxguard.running.inputs import Inputs
from onnxguard.version import __version__

_PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "onnx", "numpy")


def identify(
    sides: Sides, settings: Settings, files: list[Inputs], placement: tuple[tuple[str, int], ...]
) -> Identity:
    """Describe both sides and the runtime; ``files`` are the inputs that the user gave."""
    model = sides.model
    return Identity(
        model_sha256=model.sha256,
        model_bytes=model.size,
        external=tuple((printable(place), digest) for place, digest in model.external),
        reference=sides.name,
        reference_sha256=sides.reference_sha256,
        weights=sides.weights,
        weights_sha256=sides.weights_sha256,
        inputs=tuple((inputs.profile, inputs.sha256) for inputs in files),
        opset=model.opset,
        ir_version=model.proto.ir_version,
        producer=printable(f"{model.proto.producer_name} {model.proto.producer_version}".strip()),
        provider=settings.provider,
        providers=sides.session.providers,
        optimization_level=settings.optimization_level,
        placement=placement,
        versions=(("onnxguard", __version__), *_versions()),
        platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )


def _versions() -> list[tuple[str, str]]:
    found = []
    for package in _PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:  # one of the two builds of ONNX Runtime
            continue
    return found
