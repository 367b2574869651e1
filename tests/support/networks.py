"""Small networks, seeded, whose exports use what exporters make of PyTorch; and the exports."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Network(NamedTuple):
    """A network to export: a factory, and inputs for it by parameter name."""

    build: Callable[[], nn.Module]
    inputs: Callable[[], dict[str, Tensor]]


@functools.cache
def export(network: str, how: str, seed: int = 0) -> tuple[nn.Module, bytes]:
    """A network of ``NETWORKS`` with the bytes of its export: one of ``EXPORTERS``."""
    module = build(network, seed)
    return module, export_module(module, NETWORKS[network].inputs(), how)


def build(network: str, seed: int = 0) -> nn.Module:
    """A network of ``NETWORKS``, norms with statistics that do something, in evaluation mode."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        module = NETWORKS[network].build().eval()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                for tensor, low, high in (
                    (part.weight, 0.7, 1.3),
                    (part.bias, -0.3, 0.3),
                    (part.running_mean, -0.3, 0.3),
                    (part.running_var, 0.6, 1.5),
                ):
                    assert tensor is not None
                    tensor.uniform_(low, high)
            elif isinstance(part, nn.GroupNorm | nn.LayerNorm | nn.InstanceNorm2d) and (
                part.weight is not None
            ):
                part.weight.uniform_(0.7, 1.3)
                part.bias.uniform_(-0.3, 0.3)
    return module


def export_module(module: nn.Module, inputs: dict[str, Tensor], how: str) -> bytes:
    """What an exporter makes of a module; its chatter is dropped."""
    target = io.BytesIO()
    names = list(inputs)
    logging.getLogger("torch.onnx").setLevel(logging.CRITICAL)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        if how == "torchscript":
            torch.onnx.export(
                module, tuple(inputs.values()), target, dynamo=False, opset_version=17,
                input_names=names,
            )  # fmt: skip
        else:
            opset = int(how.removeprefix("dynamo"))
            program = torch.onnx.export(
                module, tuple(inputs.values()), dynamo=True, opset_version=opset,
                input_names=names, verbose=False,
            )  # fmt: skip
            assert program is not None
            target.write(program.model_proto.SerializeToString())
    return target.getvalue()


EXPORTERS = ("torchscript", "dynamo18", "dynamo17")
"""PyTorch's two exporters; the last is converted from opset 18, which drops its metadata."""


def _image(channels: int = 3, size: int = 16) -> Callable[[], dict[str, Tensor]]:
    return lambda: {"x": torch.randn(2, channels, size, size + 8)}


def _vector(*shape: int) -> Callable[[], dict[str, Tensor]]:
    return lambda: {"x": torch.randn(*shape)}


class _Block(nn.Module):
    """A residual block; one ReLU serves both places."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class _Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8))
        self.relu = nn.ReLU()
        self.layers = nn.Sequential(_Block(8), nn.Sequential(_Block(8), _Block(8)))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.relu(self.stem(x)), 3, 2, 1)
        return functional.softmax(self.head(torch.flatten(self.pool(self.layers(x)), 1)), 1)


class _Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(
            {
                "near": nn.Conv2d(3, 6, 3, padding=1),
                "far": nn.Sequential(nn.Conv2d(3, 6, 3, padding=2, dilation=2), nn.ReLU6()),
            }
        )
        self.steps = nn.ModuleList(
            [nn.ModuleList([nn.Conv2d(6, 6, 1), nn.SiLU()]), nn.ModuleList([nn.Conv2d(6, 6, 1)])]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.branches["near"](x) * self.branches["far"](x)
        for step in self.steps:
            for part in step:  # type: ignore[union-attr] # a list of lists, which nn cannot say
                x = part(x)
        return x


class _Shared(nn.Module):
    """Modules that are called more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.act = nn.PReLU(4)
        self.block = nn.Sequential(self.conv, self.bn, self.act)

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        y = self.block(y)
        return self.act(self.conv(y)) + self.conv(x)


class _Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 3, 3, 3) * 0.2)
        self.bias = nn.Parameter(torch.randn(8) * 0.1)
        self.other = nn.Parameter(torch.randn(5, 8) * 0.3)
        self.register_buffer("mean", torch.randn(8) * 0.1)
        self.register_buffer("variance", torch.rand(8) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.weight, self.bias, padding=1)
        x = functional.batch_norm(x, self.mean, self.variance)
        x = functional.leaky_relu(functional.avg_pool2d(x, 2), 0.1)
        x = functional.pad(x, (1, 2, 0, 1), mode="reflect")
        x = functional.elu(x) + functional.softplus(x) * torch.tanh(x)
        x = x.mean((2, 3)).clamp(-1.0, 1.0)
        return functional.log_softmax(functional.linear(x, self.other), -1)


class _Activations(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        kinds = (nn.GELU(), nn.GELU("tanh"), nn.Hardswish(), nn.SiLU(), nn.Mish(), nn.PReLU(3))
        more = (nn.Hardsigmoid(), nn.ELU(), nn.CELU(), nn.SELU(), nn.Softsign(), nn.ReLU6())
        self.kinds = nn.ModuleList([*kinds, *more, nn.GLU(1), nn.LeakyReLU(0.2), nn.Hardtanh()])
        self.mix = nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(x)
        return torch.cat([kind(x[:, :3] if n == 5 else x) for n, kind in enumerate(self.kinds)], 1)


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        return x + self.attention(y, y, y, need_weights=False)[0]


class _ScaledDot(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(16, 16), nn.Linear(16, 16, bias=False), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        heads = [
            part(x).view(batch, length, 2, 8).transpose(1, 2) for part in (self.q, self.k, self.v)
        ]
        y = functional.scaled_dot_product_attention(*heads)
        z = functional.scaled_dot_product_attention(*heads, is_causal=True)
        return torch.einsum("bhld,bhmd->bhlm", y, z)


class _Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.position = nn.Parameter(torch.randn(1, 7, 16) * 0.1)
        layer = nn.TransformerEncoderLayer(
            16, 2, 32, batch_first=True, activation="gelu", norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 50)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(self.embedding(tokens) + self.position))


class _Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 12, 1)
        self.grouped = nn.Conv2d(12, 12, 3, padding=2, dilation=2, groups=3)
        self.norm = nn.BatchNorm2d(12)
        self.up = nn.ConvTranspose2d(12, 6, 3, stride=2, padding=1, output_padding=1)
        self.up_norm = nn.BatchNorm2d(6)
        self.act = nn.Hardswish()

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.pointwise(self.depthwise(x)))
        return self.up_norm(self.up(self.act(self.norm(self.grouped(x)))))


class _Norms(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = nn.BatchNorm2d(4)
        self.conv = nn.Conv2d(4, 8, 3, padding="same", padding_mode="circular")
        self.group = nn.GroupNorm(2, 8)
        self.instance = nn.InstanceNorm2d(8, affine=True)
        self.plain = nn.InstanceNorm2d(8)
        self.layer = nn.LayerNorm([8, 16, 24])
        self.linear = nn.Linear(8, 6)
        self.after = nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.group(self.conv(self.before(x))).relu_()
        x = self.layer(self.plain(self.instance(x)) + x)
        x = self.after(self.linear(x.amax((2, 3))))
        return functional.normalize(x, dim=1)


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 12, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(24, 10)
        self.head = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, (hidden, _) = self.lstm(x)
        z, _ = self.gru(y.transpose(0, 1))
        return self.head(z), hidden


class _Sizes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.nearest = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, x: Tensor) -> Tensor:
        y = self.shuffle(self.conv(x))
        y = y + functional.interpolate(y, scale_factor=2, mode="bilinear")[..., ::2, 1::2]
        y = y + self.nearest(y)[..., 1::2, ::2]
        corners = functional.interpolate(y, size=(20, 28), mode="bilinear", align_corners=True)
        cubic = functional.interpolate(corners, scale_factor=1.5, mode="bicubic")
        pooled = functional.adaptive_avg_pool2d(cubic, (5, 7))
        return functional.pixel_unshuffle(functional.pad(pooled, (0, 1, 0, 1)), 2)


class _Several(nn.Module):
    """Several inputs, several outputs of several dtypes, changes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Conv2d(3, 4, 3)
        self.vector = nn.Linear(6, 4)

    def forward(
        self, x: Tensor, condition: Tensor, mask: Tensor
    ) -> dict[str, Tensor | tuple[Tensor, Tensor]]:
        y = self.image(x) * self.vector(condition)[:, :, None, None]
        y.clamp_(min=-0.5).mul_(2.0)
        y[:, 0] = 0.25
        y = torch.where(mask[:, None], y, torch.sigmoid(y))
        return {"map": y, "best": (y.argmax(1), y.topk(2, 1).values)}


class _Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        taken = torch.cond(y.mean() > -10, lambda t: t.sin() * 2, lambda t: t.cos(), (y,))
        return self.second(taken)


@torch.jit.script_if_tracing
def _repeated(x: Tensor) -> Tensor:
    for _ in range(x.shape[0] + 1):
        if bool(x.mean() > 0):  # noqa: SIM108 - an If of statements, as scripted code has them
            x = torch.tanh(x) - 0.5
        else:
            x = x * 0.5 + 0.1
    return x


class _Repeated(nn.Module):
    """A Loop with an If inside, where the exporter scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(_repeated(self.conv(x)))


class _Arithmetic(nn.Module):
    """Much of what is no module: slices, reductions, comparisons, gathers, products."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(6) + 0.5)
        self.register_buffer("index", torch.tensor([3, 0, 2]))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        z = (x * self.scale - y.mean(-1, keepdim=True)) / (y.std(-1, keepdim=True) + 1e-3)
        z = torch.stack([z, x.abs().sqrt(), torch.exp(-x * x)], 1).sum(1)
        product = torch.bmm(z, y.transpose(1, 2)).softmax(-1)
        gathered = product.index_select(2, self.index).cumsum(1)
        return torch.minimum(gathered, product[..., :3]), torch.baddbmm(x, product, y)


NETWORKS: dict[str, Network] = {
    "residual": Network(_Residual, _image(size=32)),
    "nested": Network(_Nested, _image()),
    "shared": Network(_Shared, _image(4)),
    "functional": Network(_Functional, _image()),
    "activations": Network(_Activations, _image(4)),
    "attention": Network(_Attention, _vector(2, 6, 16)),
    "scaled-dot": Network(_ScaledDot, _vector(2, 6, 16)),
    "transformer": Network(_Transformer, lambda: {"tokens": torch.randint(0, 50, (2, 7))}),
    "convolutions": Network(_Convolutions, _image(8)),
    "norms": Network(_Norms, _image(4)),
    "recurrent": Network(_Recurrent, _vector(2, 5, 8)),
    "sizes": Network(_Sizes, _image(size=8)),
    "several": Network(
        _Several,
        lambda: {
            "x": torch.randn(2, 3, 10, 12),
            "condition": torch.randn(2, 6),
            "mask": torch.rand(2, 8, 10) > 0.5,
        },
    ),
    "branch": Network(_Branch, _image()),
    "repeated": Network(_Repeated, _image()),
    "arithmetic": Network(
        _Arithmetic, lambda: {"x": torch.randn(2, 6, 6), "y": torch.randn(2, 6, 6)}
    ),
}
"""By what they are about."""
