"""Derive a list from each of many honest exports, and say what refuses the model all the same.

    python benchmarks/honest_exports.py --folder exports

Small networks go through both of PyTorch's exporters in several forms; what ONNX Runtime makes of
them (optimised, quantised), and what other exporters write (a domain imported twice, a dimension
of -1), is made of those. Files that are there are kept. Exit code 1 where a list that is derived
from a model refuses it, but for OG206 and OG511, which are so by design. Needs the extra ``dev``.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import onnxguard
from onnxguard.base.findings import Severity
from onnxguard.policy.derive import derive_allowlist
from onnxguard.scanning.scan import read_needs

BY_DESIGN = {"OG206", "OG511"}
Network = tuple[nn.Module, tuple[torch.Tensor, ...]]


class Made(nn.Module):
    """A module of a function of its parts and inputs."""

    def __init__(self, function: Callable[..., torch.Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Call it."""
        return self.function(self.parts, *inputs)


class Rounds(nn.Module):
    """A loop over the second dimension, kept as one by scripting."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Each step of a sum."""
        out = torch.zeros([x.size(0), 4])
        for i in range(x.size(1)):
            out = torch.tanh(out + x[:, i])
        return out


class Branches(nn.Module):
    """A branch by a value, kept as one by scripting."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Twice the input, or ones."""
        return x * 2 if bool(x.sum() > 0) else torch.zeros_like(x) + torch.ones([x.size(0), 3])


def _unet(parts: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    y = parts[1](F.relu(parts[0](x)))
    y = F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)
    return torch.sigmoid(parts[2](torch.cat([x, y], 1)))


def _positions(parts: nn.ModuleList, t: torch.Tensor) -> torch.Tensor:
    return parts[0](t) + parts[1](torch.arange(t.shape[1]).unsqueeze(0).expand_as(t))


def _rotary(_parts: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    size = x.shape[2]
    rate = 1.0 / (10000 ** (torch.arange(0, size, 2).float() / size))
    angle = torch.einsum("i,j->ij", torch.arange(x.shape[1]).float(), rate)
    angle, (a, b) = torch.cat([angle, angle], -1), x.chunk(2, -1)
    return x * angle.cos() + torch.cat([-b, a], -1) * angle.sin()


def networks() -> dict[str, Network]:
    """Small networks and inputs for them."""
    r, ints = torch.randn, torch.randint
    image, words = (r(1, 3, 16, 16),), (r(2, 5, 8),)
    first = lambda parts, *x: parts[0](*x)[0]  # noqa: E731
    return {
        "lstm": (Made(first, nn.LSTM(4, 5)), (r(3, 2, 4),)),
        "bilstm": (Made(first, nn.LSTM(4, 5, 2, bidirectional=True)), (r(3, 2, 4),)),
        "gru": (Made(first, nn.GRU(4, 5, batch_first=True)), (r(3, 2, 4),)),
        "rnn": (Made(first, nn.RNN(4, 5)), (r(3, 2, 4),)),
        "cell": (Made(first, nn.LSTMCell(4, 5)), (r(2, 4),)),
        "mha": (
            Made(lambda p, x: p[0](x, x, x)[0], nn.MultiheadAttention(8, 2, batch_first=True)),
            words,
        ),
        "encoder": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), words),
        "decoder": (nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), (*words, r(2, 3, 8))),
        "positions": (
            Made(_positions, nn.Embedding(50, 8), nn.Embedding(20, 8)),
            (ints(0, 50, (2, 7)),),
        ),
        "rotary": (Made(_rotary), (r(2, 6, 8),)),
        "unet": (
            Made(
                _unet, nn.Conv2d(3, 4, 3, 2, 1), nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(7, 1, 1)
            ),
            image,
        ),
        "shuffle": (nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2)), image),
        "reflection": (nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(3, 2, 3)), image),
        "constant_pad": (
            nn.Sequential(nn.ConstantPad2d((1, 2, 3, 4), 1.5), nn.Conv2d(3, 2, 3)),
            image,
        ),
        "adaptive": (
            nn.Sequential(nn.AdaptiveAvgPool2d((4, 4)), nn.Flatten(), nn.Linear(48, 3)),
            image,
        ),
        "upsample": (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 2, 3)), image),
        "group_norm": (nn.Sequential(nn.Conv2d(3, 4, 1), nn.GroupNorm(2, 4), nn.SiLU()), image),
        "instance_norm": (nn.InstanceNorm2d(3, affine=True), image),
        "one_hot": (Made(lambda _, t: F.one_hot(t, 10).float()), (ints(0, 10, (2, 3)),)),
        "bag": (nn.EmbeddingBag(20, 4, mode="mean"), (ints(0, 20, (3, 4)),)),
        "scatter": (
            Made(lambda _, x, i: torch.zeros(2, 5).scatter_add(1, i, x)),
            (r(2, 5), ints(0, 5, (2, 5))),
        ),
        "largest": (Made(lambda _, x: torch.topk(x, 3)[0]), (r(2, 7),)),
        "where": (Made(lambda _, x: torch.where(x > 0, x, torch.full_like(x, -1))), (r(2, 7),)),
        "tile": (
            Made(lambda _, x: x.repeat(2, 3, 1) + torch.zeros(2, 6, 4).expand(2, 6, 4)),
            (r(1, 2, 4),),
        ),
        "grid": (
            Made(lambda _, x, g: F.grid_sample(x, g, align_corners=False)),
            (r(1, 3, 8, 8), r(1, 4, 4, 2)),
        ),
        "unfold": (Made(lambda _, x: F.unfold(x, 3)), image),
        "conv3d": (nn.Conv3d(1, 2, 3), (r(1, 1, 5, 5, 5),)),
        "transposed": (nn.ConvTranspose2d(3, 2, 3, 2, 1, 1), image),
        "pool": (nn.MaxPool2d(3, 2, 1), image),
        "sums": (Made(lambda _, x: x.cumsum(1)), (r(2, 3),)),
    }


def exports(folder: Path) -> Iterator[tuple[Path, Callable[[], Any]]]:
    """Each file and what writes it: every network in every form."""
    old: dict[str, dict[str, Any]] = {
        **{f"script{opset}": {"opset_version": opset} for opset in (11, 14, 17)},
        "unfolded": {"opset_version": 17, "do_constant_folding": False},
        "inputs": {"opset_version": 17, "keep_initializers_as_inputs": True},
        "functions": {"opset_version": 17, "export_modules_as_functions": True},
    }
    for name, (module, given) in networks().items():
        module.eval()
        names = [f"x{number}" for number in range(len(given))]
        batch = {"input_names": names, "dynamic_axes": {each: {0: "N"} for each in names}}
        for form, fixed in old.items():
            more = {**fixed, **batch} if form == "unfolded" else fixed
            path = folder / f"{form}_{name}.onnx"
            yield (
                path,
                lambda m=module, g=given, p=path, o=more: torch.onnx.export(
                    m, g, str(p), dynamo=False, **o
                ),
            )
        for form, optimize in (("dynamo", True), ("raw", False)):
            path = folder / f"{form}_{name}.onnx"
            yield (
                path,
                lambda m=module, g=given, p=path, o=optimize: torch.onnx.export(
                    m, g, str(p), dynamo=True, external_data=False, optimize=o
                ),
            )
    for scripted, given in ((Rounds(), (torch.randn(2, 5, 4),)), (Branches(), (torch.ones(2, 3),))):
        path = folder / f"script17_{type(scripted).__name__}.onnx"
        yield (
            path,
            lambda m=scripted, g=given, p=path: torch.onnx.export(
                torch.jit.script(m), g, str(p), dynamo=False, opset_version=17
            ),
        )


def _optimised(source: Path, path: Path, level: str) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(str(source), options, ["CPUExecutionProvider"])


def _quantised(source: Path, path: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(str(source), str(path))


def _edited(source: Path, path: Path, paddle: bool) -> None:
    model = onnx.load(str(source))
    if paddle:
        for value in (*model.graph.input, *model.graph.output):
            for dim in value.type.tensor_type.shape.dim[:1]:
                dim.dim_value = -1
    else:
        model.opset_import.append(copy.deepcopy(model.opset_import[0]))
    onnx.save(model, str(path))


def remade(folder: Path) -> Iterator[tuple[Path, Callable[[], Any]]]:
    """What ONNX Runtime and other exporters would make of the exports."""
    for source in sorted([*folder.glob("script17_*.onnx"), *folder.glob("dynamo_*.onnx")]):
        for level in ("BASIC", "EXTENDED", "ALL"):
            path = folder / f"ort_{level}_{source.name}"
            yield path, lambda s=source, p=path, o=f"ORT_ENABLE_{level}": _optimised(s, p, o)
        path = folder / f"ort_quantised_{source.name}"
        yield path, lambda s=source, p=path: _quantised(s, p)
        for form, paddle in (("like_paddle", True), ("like_skl2onnx", False)):
            path = folder / f"{form}_{source.name}"
            yield path, lambda s=source, p=path, o=paddle: _edited(s, p, o)


def refused(path: Path) -> set[str]:
    """The codes of errors that a list derived from a model finds in it."""
    facts, memory = read_needs(path)
    text = derive_allowlist([(path.name, facts)], "derived", memory)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "derived.yaml"
        written.write_text(text, encoding="utf-8")
        report = onnxguard.scan(str(path), onnxguard.load_allowlist(str(written)))
    return {finding.code for finding in report.findings if finding.severity is Severity.ERROR}


def main() -> int:
    """Export, derive, scan and count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    onnxruntime.set_default_logger_severity(4)
    failed = 0
    for forms in (exports, remade):
        for path, write in forms(options.folder):
            if not path.exists():
                try:
                    write()
                except Exception:  # noqa: BLE001 - an exporter says no to some of them
                    failed += 1
    paths = sorted(options.folder.glob("*.onnx"))
    found = {path: codes for path in paths if (codes := refused(path))}
    counts = Counter(code for codes in found.values() for code in codes)
    print(f"{len(paths)} models ({failed} could not be exported), {len(found)} refused: {counts}")
    others = {path: codes for path, codes in found.items() if codes - BY_DESIGN}
    for path, codes in others.items():
        print(path.name, ", ".join(sorted(codes)))
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit(main())
