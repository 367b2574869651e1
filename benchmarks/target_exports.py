"""Export networks of many kinds, with random weights: what benchmarks.targets is to predict.

    python -m benchmarks.target_exports FOLDER

Needs torch, onnxscript, transformers and onnxruntime; what is not installed, or cannot
be exported, is named and left out.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

Made = tuple[nn.Module, tuple[Any, ...]]


def _resnet() -> Made:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic"
    )
    return _Only(ResNetForImageClassification(config), "logits"), (torch.rand(1, 3, 64, 64),)


class _MobileNet(nn.Module):
    """The blocks of MobileNetV3: depthwise, squeeze and excite, hard swish."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish()
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False), nn.BatchNorm2d(16), nn.Hardswish()
        )
        self.excite = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1)
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))

    def forward(self, x: torch.Tensor) -> Any:
        x = self.stem(x)
        y = self.depthwise(x)
        return self.head(x + y * nn.functional.hardsigmoid(self.excite(y)))


def _vit() -> Made:
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
        attn_implementation="eager",
    )
    return _Only(ViTModel(config), "last_hidden_state"), (torch.rand(1, 3, 32, 32),)


def _bert() -> Made:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        attn_implementation="eager",
    )
    return _Only(BertModel(config), "last_hidden_state"), (torch.randint(0, 99, (1, 8)),)


def _whisper() -> Made:
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    config = WhisperConfig(
        d_model=32,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=64,
        max_source_positions=50,
        attn_implementation="eager",
    )
    return _Only(WhisperEncoder(config), "last_hidden_state"), (torch.rand(1, 80, 100),)


class _Only(nn.Module):
    """One of the values that a model answers with."""

    def __init__(self, model: nn.Module, name: str) -> None:
        super().__init__()
        self.model, self.name = model.eval(), name

    def forward(self, x: torch.Tensor) -> Any:
        return getattr(self.model(x), self.name)


class _Gpt(nn.Module):
    """GPT-2 that is given keys and values, and gives out longer ones."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import GPT2Config, GPT2LMHeadModel

        config = GPT2Config(
            vocab_size=100,
            n_positions=32,
            n_embd=32,
            n_layer=2,
            n_head=2,
            attn_implementation="eager",
        )
        self.model = GPT2LMHeadModel(config).eval()

    def forward(self, ids: torch.Tensor, *past: torch.Tensor) -> Any:
        from transformers.cache_utils import DynamicCache

        cache = DynamicCache()
        for layer in range(2):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        out = self.model(ids, past_key_values=cache, use_cache=True)
        layers = out.past_key_values.layers
        return out.logits, *(value for layer in layers for value in (layer.keys, layer.values))


def _gpt() -> Made:
    return _Gpt(), (torch.randint(0, 99, (1, 1)), *(torch.rand(1, 2, 4, 16) for _ in range(4)))


class _Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, 2, batch_first=True, bidirectional=True)

    def forward(self, x: torch.Tensor) -> Any:
        return self.lstm(x)[0]


class _Detector(nn.Module):
    """Boxes and scores from a convolution; ``_thinned`` adds the suppression."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 5, 3, padding=1)

    def forward(self, x: torch.Tensor) -> Any:
        found = self.head(x).flatten(2).transpose(1, 2)
        corner, size = found[..., :2], found[..., 2:4].abs()
        return torch.cat([corner, corner + size], -1), found[..., 4:].sigmoid().transpose(1, 2)


def _thinned(path: Path) -> None:
    """Put NonMaxSuppression behind boxes and scores, and take what it keeps."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    boxes, scores = (value.name for value in model.graph.output)
    constants = {"most": np.array([9]), "overlap": np.float32([0.5]), "least": np.float32([0.1])}
    model.graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in constants.items())
    made = ["NonMaxSuppression", [boxes, scores, *constants], ["kept"]]
    model.graph.node.append(helper.make_node(*made))
    del model.graph.output[:]
    kept = helper.make_tensor_value_info("kept", TensorProto.INT64, ["n", 3])
    model.graph.output.append(kept)
    onnx.save(model, path)


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
        )

    def forward(self, x: torch.Tensor) -> Any:
        return self.layers(x).softmax(-1)


def _net(dtype: torch.dtype) -> Made:
    return _Net().to(dtype), (torch.rand(1, 3, 16, 16).to(dtype),)


NETWORKS: dict[str, tuple[Callable[[], Made], bool]] = {
    "resnet18": (_resnet, True),
    "mobilenet_v3": (lambda: (_MobileNet(), (torch.rand(1, 3, 32, 32),)), True),
    "vit": (_vit, True),
    "bert": (_bert, True),
    "gpt2_with_cache": (_gpt, True),
    "whisper_encoder": (_whisper, True),
    "lstm": (lambda: (_Lstm(), (torch.rand(1, 5, 8),)), True),
    "detector_with_nms": (lambda: (_Detector(), (torch.rand(1, 3, 16, 16),)), True),
    "float32": (lambda: _net(torch.float32), True),
    "float16": (lambda: _net(torch.float16), True),
    "bfloat16": (lambda: _net(torch.bfloat16), True),
    "float32_by_tracing": (lambda: _net(torch.float32), False),
    "lstm_by_tracing": (lambda: (_Lstm(), (torch.rand(1, 5, 8),)), False),
    "resnet18_by_tracing": (_resnet, False),
}
"""By name what makes a network and its inputs, and whether it is exported by torch.export."""


def main(folder: Path) -> None:
    """Export everything."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, dynamo) in NETWORKS.items():
        try:
            model, inputs = make()
            path = str(folder / f"{name}.onnx")
            torch.onnx.export(model.eval(), inputs, path, dynamo=dynamo, external_data=False)
        except Exception:  # noqa: BLE001 - whatever it was is printed
            print(f"{name}: {traceback.format_exc(limit=0).strip().splitlines()[-1][:150]}")
        else:
            print(name)
    _thinned(folder / "detector_with_nms.onnx")
    _quantized(folder)


def _quantized(folder: Path) -> None:
    import onnxruntime
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        quantize_dynamic,
        quantize_static,
    )

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            (name,) = [each.name for each in onnxruntime.InferenceSession(source).get_inputs()]
            self.left = [{name: torch.rand(1, 3, 16, 16).numpy()} for _ in range(2)]

        def get_next(self) -> Any:
            return self.left.pop() if self.left else None

    source = str(folder / "float32_by_tracing.onnx")
    quantize_dynamic(source, str(folder / "int8_dynamic.onnx"))
    static = str(folder / "int8_qdq.onnx")
    quantize_static(source, static, Reader(), quant_format=QuantFormat.QDQ)
    print("int8_dynamic\nint8_qdq")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
