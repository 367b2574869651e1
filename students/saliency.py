"""The saliency students: a tiny U-Net with one encoder and two ways to go up again.

The architecture is that of the students that a fork of Netflix VMAF trains for its saliency
extractor (github lusoris/vmaf, BSD-3-Clause-Plus-Patent): v1 goes up by transposed convolution, v2
by bilinear resizing and a 3x3 convolution. Nothing else differs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

UpSampler = Callable[[int, int], nn.Module]
"""Makes a module ``[N, wide, H, W] -> [N, out, 2H, 2W]`` from ``wide`` and ``out``."""


def saliency_v1() -> Saliency:
    """The student whose decoder is ConvTranspose: 112,841 parameters."""
    return Saliency(transposed)


def saliency_v2() -> Saliency:
    """The student whose decoder is Resize and Conv: 123,721 parameters."""
    return Saliency(Resized)


class Saliency(nn.Module):
    """Maps an image ``[N, 3, H, W]`` to how salient each pixel is, ``[N, 1, H, W]`` in 0..1.

    H and W must be multiples of 8: three poolings halve them, and the skips must fit again.
    """

    def __init__(self, up: UpSampler) -> None:
        super().__init__()
        self.enc1a, self.enc1b = block(3, 16), block(16, 16)
        self.pool1 = nn.MaxPool2d(2)
        self.enc2a, self.enc2b = block(16, 32), block(32, 32)
        self.pool2 = nn.MaxPool2d(2)
        self.enc3a, self.enc3b = block(32, 48), block(48, 48)
        self.pool3 = nn.MaxPool2d(2)
        self.bot = block(48, 48)
        self.up3, self.dec3 = up(48, 32), block(32 + 48, 32)
        self.up2, self.dec2 = up(32, 16), block(16 + 32, 16)
        self.up1, self.dec1 = up(16, 8), block(8 + 16, 8)
        self.head = nn.Conv2d(8, 1, 1)

    def logits(self, x: Tensor) -> Tensor:
        """What ``forward`` squashes: training needs it so, in low precision above all."""
        skip1 = self.enc1b(self.enc1a(x))
        skip2 = self.enc2b(self.enc2a(self.pool1(skip1)))
        skip3 = self.enc3b(self.enc3a(self.pool2(skip2)))
        x = self.bot(self.pool3(skip3))
        x = self.dec3(torch.cat([self.up3(x), skip3], 1))
        x = self.dec2(torch.cat([self.up2(x), skip2], 1))
        x = self.dec1(torch.cat([self.up1(x), skip1], 1))
        logits: Tensor = self.head(x)
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, 3, H, W]`` to ``[N, 1, H, W]``."""
        return torch.sigmoid(self.logits(x))


def block(wide: int, out: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU: ``[N, wide, H, W] -> [N, out, H, W]``."""
    return nn.Sequential(
        nn.Conv2d(wide, out, 3, padding=1, bias=False),  # the norm has the bias
        nn.BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


def transposed(wide: int, out: int) -> nn.Module:
    """The up-sampler of v1."""
    return nn.ConvTranspose2d(wide, out, 2, stride=2, bias=False)


class Resized(nn.Module):
    """The up-sampler of v2."""

    def __init__(self, wide: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(wide, out, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[N, wide, H, W]`` to ``[N, out, 2H, 2W]``."""
        x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        resized: Tensor = self.conv(x)
        return resized
