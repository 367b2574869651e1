"""Networks that people export, of real libraries, with random weights: what benchmarks.zoo checks.

A factory is a reference as ``onnxguard parity --torch benchmarks.zoo_networks:NAME`` takes it; its
weights are made by ``trained`` once and kept. Needs torch, torchvision, transformers, timm and
segmentation-models-pytorch; nothing is downloaded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

Tensors = tuple[torch.Tensor, ...]
Axes = dict[int, str]


class Network(NamedTuple):
    """How a network is made, exported and checked.

    Attributes:
        make: builds it, with the library's random weights.
        inputs: what it is exported with.
        axes: of each input, in the order of ``forward``, the axes that may vary.
        outputs: the same of the outputs.
        options: of ``onnxguard parity``.
        learns: measures the statistics of its batch norms.
        derived: how the export is made of another network's, ``fp16`` or ``int8``.
    """

    make: Callable[[], nn.Module]
    inputs: Callable[[], Tensors]
    axes: Mapping[str, Axes]
    outputs: Mapping[str, Axes]
    options: tuple[str, ...] = ()
    learns: bool = False
    derived: str = ""


NETWORKS: dict[str, Network] = {}
"""By the name of the factory."""


def network(
    inputs: Callable[[], Tensors],
    axes: Mapping[str, Axes],
    outputs: Mapping[str, Axes],
    **more: Any,
) -> Callable[[Callable[[], nn.Module]], Callable[[], nn.Module]]:
    """Register a factory."""

    def decorate(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        @functools.wraps(make)
        def seeded() -> nn.Module:
            torch.manual_seed(0)
            return make().eval()

        NETWORKS[make.__name__] = Network(seeded, inputs, axes, outputs, **more)
        return seeded

    return decorate


def trained(name: str) -> nn.Module:
    """A network with biases that are not all zero, and batch norms that have seen data."""
    entry = NETWORKS[name]
    module = entry.make()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1 and not parameter.any():
                parameter.normal_(0, 0.02)
        if entry.learns:
            _measure(module, entry.inputs())
    return module.eval()


def _measure(module: nn.Module, inputs: Tensors) -> None:
    norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = None  # type: ignore[assignment] # the mean of all that it sees
    for _ in range(2):
        module(*inputs)


class Wrapped(nn.Module):
    """A library's model, called with tensors by name; ``pick`` takes tensors of its answer."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model


def _pictures(count: int, side: int) -> Callable[[], Tensors]:
    return lambda: (torch.randn(count, 3, side, side),)


def _words(rows: int, length: int, vocabulary: int) -> torch.Tensor:
    return torch.randint(0, vocabulary, (rows, length))


def _mask(rows: int, length: int) -> torch.Tensor:
    """The last row is shorter by three."""
    mask = torch.ones(rows, length, dtype=torch.int64)
    mask[-1, -3:] = 0
    return mask


IMAGE: dict[str, Axes] = {"image": {0: "N", 2: "H", 3: "W"}}
FIXED: dict[str, Axes] = {"image": {0: "N"}}
LOGITS: dict[str, Axes] = {"logits": {0: "N"}}
TEXT: Axes = {0: "N", 1: "L"}


class _Image(nn.Module):
    """Any network of images, whose parameter is called image."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: torch.Tensor) -> Any:
        return self.model(image)


# Convolutional networks.


@network(_pictures(4, 96), IMAGE, LOGITS, learns=True)
def resnet18() -> nn.Module:
    """Torchvision's ResNet-18."""
    from torchvision.models import resnet18

    return _Image(resnet18())


@network(_pictures(4, 96), IMAGE, LOGITS, learns=True)
def mobilenet_v3() -> nn.Module:
    """Torchvision's MobileNetV3, small."""
    from torchvision.models import mobilenet_v3_small

    return _Image(mobilenet_v3_small())


@network(_pictures(4, 96), IMAGE, LOGITS, learns=True)
def efficientnet() -> nn.Module:
    """Torchvision's EfficientNet-B0."""
    from torchvision.models import efficientnet_b0

    return _Image(efficientnet_b0())


@network(_pictures(2, 256), FIXED, LOGITS, learns=True)
def mobilevit() -> nn.Module:
    """Timm's MobileViT-XS."""
    import timm

    return _Image(timm.create_model("mobilevit_xs"))


@network(_pictures(4, 96), IMAGE, {"out": {0: "N", 2: "H", 3: "W"}}, learns=True)
def deeplab() -> nn.Module:
    """Torchvision's DeepLabV3 on MobileNetV3."""
    from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

    return _Image(deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None))


@network(_pictures(4, 96), IMAGE, {"mask": {0: "N", 2: "H", 3: "W"}}, learns=True)
def unet() -> nn.Module:
    """segmentation-models-pytorch's U-Net on ResNet-18."""
    import segmentation_models_pytorch as smp

    return _Image(smp.Unet("resnet18", encoder_weights=None, classes=2))


class _Detector(nn.Module):
    """Boxes in pixels around the cells of a grid, scores, and suppression of what overlaps."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import mobilenet_v3_small

        self.features = mobilenet_v3_small().features
        self.head = nn.Conv2d(576, 5, 1)

    def forward(self, image: torch.Tensor) -> Tensors:
        from torchvision.ops import nms

        cells = self.head(self.features(image))[0]
        height, width = cells.shape[1:]
        rows = (torch.arange(height) + 0.5)[:, None].expand(height, width)
        columns = (torch.arange(width) + 0.5)[None].expand(height, width)
        centres = 32 * torch.stack([columns, rows], -1).reshape(-1, 2)
        flat = cells.flatten(1).t()
        centres, halves = centres + 8 * flat[:, :2], 24 * torch.exp(flat[:, 2:4])
        boxes, scores = torch.cat([centres - halves, centres + halves], 1), flat[:, 4].sigmoid()
        kept = nms(boxes, scores, 0.5)
        return boxes[kept], scores[kept]


@network(
    _pictures(1, 160),
    {"image": {2: "H", 3: "W"}},
    {"boxes": {0: "K"}, "scores": {0: "K"}},
    learns=True,
)
def detector() -> nn.Module:
    """Boxes on the features of MobileNetV3, with suppression."""
    return _Detector()


class _Detr(nn.Module):
    """DETR as its authors wrote it down in fifty lines, smaller."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        from torchvision.models import resnet18

        self.backbone = nn.Sequential(*list(resnet18().children())[:-2])
        self.reduce = nn.Conv2d(512, width, 1)
        self.transformer = nn.Transformer(width, 4, 2, 2, 256, batch_first=True)
        self.queries = nn.Parameter(torch.rand(20, width))
        self.rows = nn.Parameter(torch.rand(50, width // 2))
        self.columns = nn.Parameter(torch.rand(50, width // 2))
        self.classes, self.boxes = nn.Linear(width, 92), nn.Linear(width, 4)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        cells = self.reduce(self.backbone(image))
        height, width = cells.shape[-2:]
        places = torch.cat(
            [
                self.columns[:width].unsqueeze(0).repeat(height, 1, 1),
                self.rows[:height].unsqueeze(1).repeat(1, width, 1),
            ],
            -1,
        ).flatten(0, 1)
        words = cells.flatten(2).transpose(1, 2) + places
        queries = self.queries.unsqueeze(0).repeat(image.shape[0], 1, 1)
        found = self.transformer(words, queries)
        return {"logits": self.classes(found), "boxes": self.boxes(found).sigmoid()}


@network(_pictures(2, 96), IMAGE, {**LOGITS, "boxes": {0: "N"}}, learns=True)
def detr() -> nn.Module:
    """DETR on ResNet-18."""
    return _Detr()


# Transformers of images.


@network(_pictures(2, 224), FIXED, LOGITS)
def vit() -> nn.Module:
    """Timm's ViT, tiny."""
    import timm

    return _Image(timm.create_model("vit_tiny_patch16_224"))


@network(_pictures(2, 224), FIXED, LOGITS)
def swin() -> nn.Module:
    """Timm's Swin, tiny."""
    import timm

    return _Image(timm.create_model("swin_tiny_patch4_window7_224"))


# Transformers of texts and sounds.


class _Bert(Wrapped):
    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
    ) -> torch.Tensor:
        return self.model(input_ids, attention_mask, token_type_ids=token_type_ids).logits


@network(
    lambda: (_words(2, 9, 30522), _mask(2, 9), _words(2, 9, 2)),
    {"input_ids": TEXT, "attention_mask": TEXT, "token_type_ids": TEXT},
    LOGITS,
)
def bert() -> nn.Module:
    """Transformers' BERT, four layers."""
    from transformers import BertConfig, BertForSequenceClassification

    sizes = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4}
    return _Bert(BertForSequenceClassification(BertConfig(**sizes, intermediate_size=1024)))


class _Gpt(Wrapped):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids, attention_mask=attention_mask, use_cache=False).logits


def _gpt(**sizes: int) -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(**sizes))


@network(
    lambda: (_words(2, 9, 50257), _mask(2, 9)),
    {"input_ids": TEXT, "attention_mask": TEXT},
    {"logits": TEXT},
)
def gpt2() -> nn.Module:
    """Transformers' GPT-2, four layers, all words."""
    return _Gpt(_gpt(n_embd=256, n_layer=4, n_head=4))


@network(
    lambda: (_words(2, 9, 50257), _mask(2, 9)),
    {"input_ids": TEXT, "attention_mask": TEXT},
    {"logits": TEXT},
)
def gpt2_whole() -> nn.Module:
    """GPT-2 in its real size, 124 million weights."""
    return _Gpt(_gpt())


class _Cached(Wrapped):
    """GPT-2 with keys and values of what came before."""

    def forward(self, input_ids: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> Tensors:
        from transformers import DynamicCache

        cache = DynamicCache()
        for layer in range(keys.shape[0]):
            cache.update(keys[layer], values[layer], layer)
        answer = self.model(input_ids, past_key_values=cache, use_cache=True)
        layers = answer.past_key_values.layers
        keys = torch.stack([layer.keys for layer in layers])
        return answer.logits, keys, torch.stack([layer.values for layer in layers])


@network(
    lambda: (_words(2, 3, 50257), torch.randn(2, 2, 4, 5, 64), torch.randn(2, 2, 4, 5, 64)),
    {"input_ids": TEXT, "keys": {1: "N", 3: "P"}, "values": {1: "N", 3: "P"}},
    {"logits": TEXT, "new_keys": {1: "N", 3: "T"}, "new_values": {1: "N", 3: "T"}},
)
def gpt2_cached() -> nn.Module:
    """The same with keys and values, two layers."""
    return _Cached(_gpt(n_embd=256, n_layer=2, n_head=4))


_T5 = {"d_model": 256, "d_kv": 64, "d_ff": 512, "num_layers": 3, "num_heads": 4}


class _T5Encoder(Wrapped):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids, attention_mask).last_hidden_state


@network(
    lambda: (_words(2, 9, 32128), _mask(2, 9)),
    {"input_ids": TEXT, "attention_mask": TEXT},
    {"hidden": TEXT},
)
def t5_encoder() -> nn.Module:
    """Transformers' T5, three layers: its encoder."""
    from transformers import T5Config, T5EncoderModel

    return _T5Encoder(T5EncoderModel(T5Config(**_T5, attn_implementation="eager")))


class _T5Decoder(Wrapped):
    def forward(
        self, decoder_input_ids: torch.Tensor, hidden: torch.Tensor, attention_mask: torch.Tensor
    ) -> torch.Tensor:
        return self.model(
            decoder_input_ids=decoder_input_ids,
            encoder_outputs=(hidden,),
            attention_mask=attention_mask,
            use_cache=False,
        ).logits


@network(
    lambda: (_words(2, 5, 32128), torch.randn(2, 9, 256), _mask(2, 9)),
    {"decoder_input_ids": {0: "N", 1: "D"}, "hidden": TEXT, "attention_mask": TEXT},
    {"logits": {0: "N", 1: "D"}},
)
def t5_decoder() -> nn.Module:
    """Its decoder."""
    from transformers import T5Config, T5ForConditionalGeneration

    return _T5Decoder(T5ForConditionalGeneration(T5Config(**_T5, attn_implementation="eager")))


_TOWER = {
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 256,
}


class _Clip(Wrapped):
    def forward(
        self, input_ids: torch.Tensor, pixel_values: torch.Tensor, attention_mask: torch.Tensor
    ) -> Tensors:
        answer = self.model(
            input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask
        )
        return answer.logits_per_image, answer.text_embeds, answer.image_embeds


@network(
    lambda: (_words(2, 9, 49408), torch.randn(3, 3, 64, 64), _mask(2, 9)),
    {
        "input_ids": {0: "T", 1: "L"},
        "pixel_values": {0: "I"},
        "attention_mask": {0: "T", 1: "L"},
    },
    {"scores": {0: "I", 1: "T"}, "texts": {0: "T"}, "images": {0: "I"}},
)
def clip() -> nn.Module:
    """Transformers' CLIP, two layers each."""
    from transformers import CLIPConfig, CLIPModel

    vision = {**_TOWER, "image_size": 64, "patch_size": 16}
    return _Clip(CLIPModel(CLIPConfig(text_config=_TOWER, vision_config=vision, projection_dim=64)))


class _Whisper(Wrapped):
    def forward(
        self,
        input_features: torch.Tensor,
        decoder_input_ids: torch.Tensor,
        decoder_attention_mask: torch.Tensor,
    ) -> torch.Tensor:
        return self.model(
            input_features,
            decoder_input_ids=decoder_input_ids,
            decoder_attention_mask=decoder_attention_mask,
            use_cache=False,
        ).logits


@network(
    lambda: (torch.randn(2, 80, 3000), _words(2, 4, 51865), _mask(2, 4)),
    {"input_features": {0: "N"}, "decoder_input_ids": TEXT, "decoder_attention_mask": TEXT},
    {"logits": TEXT},
)
def whisper() -> nn.Module:
    """Transformers' Whisper, two layers each."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    sizes = {
        f"{side}_{what}": size
        for side in ("encoder", "decoder")
        for what, size in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 256))
    }
    return _Whisper(WhisperForConditionalGeneration(WhisperConfig(d_model=128, **sizes)))


class _Wav2Vec(Wrapped):
    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        return self.model(input_values).logits


@network(
    lambda: (torch.randn(2, 8000),),
    {"input_values": {0: "N", 1: "T"}},
    {"logits": {0: "N", 1: "F"}},
)
def wav2vec2() -> nn.Module:
    """Transformers' Wav2Vec2 for CTC, two layers."""
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(
        **_TOWER,
        conv_dim=(64,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    return _Wav2Vec(Wav2Vec2ForCTC(config))


# What else there is.


class _Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(5000, 64)
        self.lstm = nn.LSTM(64, 96, 2, batch_first=True, bidirectional=True)
        self.tags = nn.Linear(192, 17)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.tags(self.lstm(self.words(tokens))[0])


@network(lambda: (_words(2, 9, 5000),), {"tokens": TEXT}, {"tags": TEXT})
def lstm() -> nn.Module:
    """A tagger of words."""
    return _Tagger()


class _Messages(nn.Module):
    """Two rounds in which every vertex sums what its neighbours say."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 32), nn.Linear(64, 32)
        self.last = nn.Linear(64, 8)

    def forward(self, vertices: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        state = torch.relu(self.first(vertices))
        for layer in (self.second, self.last):
            heard = torch.zeros_like(state).index_add(0, edges[1], state[edges[0]])
            state = layer(torch.cat([state, heard], 1))
        return state


@network(
    lambda: (torch.randn(20, 16), torch.randint(0, 20, (2, 40))),
    {"vertices": {0: "V"}, "edges": {1: "E"}},
    {"states": {0: "V"}},
)
def gnn() -> nn.Module:
    """A network of vertices and edges."""
    return _Messages()


@network(lambda: (torch.randn(2, 7, 64),), {"src": TEXT}, {"states": TEXT})
def encoder() -> nn.Module:
    """PyTorch's own TransformerEncoder."""
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)


@network(
    _pictures(4, 96), IMAGE, LOGITS, learns=True, derived="fp16", options=("--tolerance", "fp16")
)
def resnet18_fp16() -> nn.Module:
    """ResNet-18, exported in half precision."""
    return resnet18()


@network(
    _pictures(4, 96), IMAGE, LOGITS, learns=True, derived="int8", options=("--tolerance", "int8")
)
def resnet18_int8() -> nn.Module:
    """ResNet-18, quantised by ONNX Runtime."""
    return resnet18()
