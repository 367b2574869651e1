"""Operators that move a window: convolutions and pools (onnx/defs/nn)."""

from __future__ import annotations

from collections.abc import Callable

from onnxguard.model.shapes import dims as d
from onnxguard.model.shapes.creation import sizes
from onnxguard.model.shapes.dims import Dim, Shape, shape_text
from onnxguard.model.shapes.known import (
    MismatchError,
    Outputs,
    Site,
    UnknownError,
    agreed,
    of,
    ranked,
)


class _Window:
    """The attributes of a window, one number an axis."""

    def __init__(self, site: Site, kernel: Shape, axes: int) -> None:
        self.kernel = kernel
        self.strides = _given(site, b"strides", axes, 1)
        self.dilations = _given(site, b"dilations", axes, 1)
        pads = site.integers(b"pads") or (0,) * (2 * axes)
        if len(pads) != 2 * axes:
            raise MismatchError(f"{len(pads)} pads for {axes} axes of a window")
        self.pads = pads
        self.auto = site.text(b"auto_pad", b"NOTSET")

    def spread(self, axis: int) -> Dim:
        """How far the window reaches on an axis, with its dilation."""
        return d.add(d.mul(d.sub(self.kernel[axis], 1), self.dilations[axis]), 1)


def _given(site: Site, name: bytes, axes: int, default: int) -> tuple[int, ...]:
    given = site.integers(name) or (default,) * axes
    if len(given) != axes:
        raise MismatchError(f"{len(given)} {name.decode()} for {axes} axes of a window")
    if min(given) < 1:
        raise MismatchError(f"{name.decode()} holds {min(given)}")
    return given


def _strided(size: Dim, window: _Window, axis: int, ceil: bool = False) -> Dim:
    """How often the window fits on an axis."""
    stride, spread = window.strides[axis], window.spread(axis)
    axes = len(window.kernel)
    if window.auto in (b"SAME_UPPER", b"SAME_LOWER"):
        return d.ceil_div(size, stride)
    before, after = window.pads[axis], window.pads[axis + axes]
    if window.auto == b"VALID":
        before = after = 0
    padding = before + after
    room = d.add(size, d.sub(padding, spread))
    if isinstance(room, int) and room < 0:
        raise MismatchError(
            f"a window of {d.text(spread)} does not fit on an axis of {d.text(size)}"
            + (f" with {padding} of padding" if padding else "")
        )
    if not ceil:
        return d.add(d.floor_div(room, stride), 1)
    count = d.add(d.ceil_div(room, stride), 1)
    # The last window must start within the input or the padding before it.
    if isinstance(count, int) and isinstance(size, int):
        return count - 1 if (count - 1) * stride >= size + before else count
    if isinstance(spread, int) and after - spread + stride - 1 < 0:
        return count
    return None


def _kernel(site: Site, weights: Shape | None, axes: int) -> Shape:
    given = site.integers(b"kernel_shape")
    if given is not None:
        if len(given) != axes:
            raise MismatchError(f"kernel_shape {list(given)} for {axes} axes of a window")
        for axis, size in enumerate(given):
            if weights is not None and d.differ(size, weights[axis]):
                raise MismatchError(
                    f"kernel_shape {list(given)} and weights of {shape_text(weights)} differ"
                )
        return given
    return (None,) * axes if weights is None else weights


def _spatial(shape: Shape, weights: Shape | None) -> Shape | None:
    if len(shape) < 3:
        raise MismatchError(f"input 0 is {shape_text(shape)}, it must have rank 3 or more")
    if weights is None:
        return None
    if len(weights) != len(shape):
        raise MismatchError(
            f"input 0 is {shape_text(shape)} and the weights are {shape_text(weights)}"
        )
    return weights[2:]


def _convolved(site: Site, weights_at: int) -> Outputs:
    shape, weights = site.shape(0), site.shape_of(weights_at)
    window = _Window(site, _kernel(site, _spatial(shape, weights), len(shape) - 2), len(shape) - 2)
    channels: Dim = None
    if weights is not None:
        group = site.integer(b"group", 1)
        if d.differ(shape[1], d.mul(weights[1], group)):
            raise MismatchError(
                f"input 0 is {shape_text(shape)}, weights {shape_text(weights)} in {group} "
                f"group{'s' if group > 1 else ''} take {d.text(d.mul(weights[1], group))} channels"
            )
        if isinstance(weights[0], int) and group > 0 and weights[0] % group:
            raise MismatchError(f"{weights[0]} channels do not divide into {group} groups")
        channels = weights[0]
    made = [_strided(size, window, axis) for axis, size in enumerate(shape[2:])]
    return of((shape[0], channels, *made))


def conv(site: Site) -> Outputs:
    """X by weights ``[M, C/group, ...]``."""
    return _convolved(site, 1)


def qlinear_conv(site: Site) -> Outputs:
    """The weights are input 3."""
    return _convolved(site, 3)


def conv_transpose(site: Site) -> Outputs:
    """``(in - 1)*stride + output_padding + reach - pads``, or ``output_shape``."""
    shape, weights = site.shape(0), site.shape_of(1)
    axes = len(shape) - 2
    window = _Window(site, _kernel(site, _spatial(shape, weights), axes), axes)
    extra = site.integers(b"output_padding") or (0,) * axes
    if len(extra) != axes:
        raise MismatchError(f"{len(extra)} output_padding for {axes} axes of a window")
    channels: Dim = None
    if weights is not None:
        channels = d.mul(weights[1], site.integer(b"group", 1))
        if d.differ(shape[1], weights[0]):
            raise MismatchError(
                f"input 0 is {shape_text(shape)}, weights {shape_text(weights)} take "
                f"{d.text(weights[0])} channels"
            )
    asked = site.integers(b"output_shape")
    made: list[Dim] = []
    for axis, size in enumerate(shape[2:]):
        if asked is not None:
            if len(asked) not in (axes, axes + 2):
                raise MismatchError(f"output_shape {list(asked)} for {axes} axes of a window")
            made.append(asked[axis + len(asked) - axes])
            continue
        stride = window.strides[axis]
        if window.auto in (b"SAME_UPPER", b"SAME_LOWER"):
            made.append(d.mul(d.sized(size), stride))
            continue
        pads = 0 if window.auto == b"VALID" else window.pads[axis] + window.pads[axis + axes]
        reach = d.add(d.mul(d.sub(d.sized(size), 1), stride), window.spread(axis))
        made.append(d.add(reach, extra[axis] - pads))
    return of((shape[0], channels, *made))


def pool(site: Site) -> Outputs:
    """The window on each channel; MaxPool gives where its values were, too."""
    shape = site.shape(0)
    axes = len(shape) - 2
    if axes < 1:
        raise MismatchError(f"input 0 is {shape_text(shape)}, it must have rank 3 or more")
    if site.integers(b"kernel_shape") is None:
        raise UnknownError
    window = _Window(site, _kernel(site, None, axes), axes)
    if site.node.operator.op_type == "LpPool" and site.version < 18:
        window.dilations = (1,) * axes
    ceil = site.integer(b"ceil_mode", 0) == 1
    made = tuple([_strided(size, window, axis, ceil) for axis, size in enumerate(shape[2:])])
    return of(shape[:2] + made, shape[:2] + made)


def max_unpool(site: Site) -> Outputs:
    """As large as what was pooled, or as ``output_shape`` says."""
    shape = site.shape(0, least=3)
    axes = len(shape) - 2
    window = _Window(site, _kernel(site, None, axes), axes)
    if site.has(2):
        try:
            return of(site.dims(2))
        except UnknownError:
            return of((None,) * len(shape))
    made: list[Dim] = []
    for axis, size in enumerate(shape[2:]):
        pads = window.pads[axis] + window.pads[axis + axes]
        reach = d.add(d.mul(d.sub(d.sized(size), 1), window.strides[axis]), window.kernel[axis])
        made.append(d.sub(reach, pads))
    return of((*shape[:2], *made))


def deform_conv(site: Site) -> Outputs:
    """As Conv: the offsets move what the window sees, not how often it fits."""
    return _convolved(site, 1)


def col2im(site: Site) -> Outputs:
    """``[N, L / prod(block), *image]``."""
    shape = site.shape(0, rank=3)
    for index in (1, 2):
        ranked(site, index, 1)
    image, block = sizes(site.dims(1), "the image"), sizes(site.dims(2), "the block")
    if len(image) != len(block):
        raise MismatchError(f"an image {shape_text(image)} in blocks {shape_text(block)}")
    _Window(site, block, len(block))
    return of((shape[0], d.floor_div(shape[1], d.product(block)), *image))


def causal_conv(site: Site) -> Outputs:
    """CausalConvWithState: the shape of the input, and the state that it leaves."""
    shape, weights = site.shape(0, rank=3), ranked(site, 1, 3)
    bias = ranked(site, 2, 1)
    if bias:
        agreed(shape[1], bias[0], "the channels and those of the bias")
    state = ranked(site, 3, 3)
    if weights is not None:
        agreed(shape[1], weights[0], "the channels and those of the weights")
        agreed(weights[1], 1, "the channels of one group")
        left = (shape[0], shape[1], d.sub(weights[2], 1))
        for a, b in zip(state or (), left, strict=False):
            agreed(a, b, "the state so far")
        state = left
    return of(shape, state)


WINDOWS: dict[str, Callable[[Site], Outputs]] = {
    "AveragePool": pool,
    "CausalConvWithState": causal_conv,
    "Col2Im": col2im,
    "Conv": conv,
    "ConvInteger": conv,
    "ConvTranspose": conv_transpose,
    "DeformConv": deform_conv,
    "LpPool": pool,
    "MaxPool": pool,
    "MaxUnpool": max_unpool,
    "QLinearConv": qlinear_conv,
}
