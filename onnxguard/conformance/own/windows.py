"""Cases of convolutions, pooling and Resize."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from onnxguard.conformance.own.draft import Draft, Drafts, Task, is_integer, recipe

SIZES = (9, 8, 5)
"""Of the spatial dims, odd and even."""
AUTO = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


def _settings(task: Task, rank: int) -> list[dict[str, Any]]:
    """Strides, dilations and pads that differ from axis to axis and from end to end."""
    uneven: dict[str, list[int]] = {
        "strides": [2, 1, 3][:rank],
        "dilations": [1, 2, 2][-rank:],
        "pads": [1, 0, 2][:rank] + [0, 2, 1][:rank],
    }
    found: list[dict[str, Any]] = [{}]
    names = [name for name in uneven if task.has(name)]
    for count in range(1, len(names) + 1):
        found += [{n: uneven[n] for n in chosen} for chosen in itertools.combinations(names, count)]
    found += [{"strides": [2] * rank, "pads": [1] * 2 * rank}]
    found += [{"auto_pad": auto} for auto in AUTO]
    found += [{"auto_pad": auto, "strides": [2, 3, 2][:rank]} for auto in AUTO[1:]]
    return found


@recipe(
    "Conv",
    ranks=(3, 4, 5),
    features=(
        "groups",
        "one channel to a group",
        "a kernel of even size",
    ),
    auto_pad=AUTO,
)
def conv(task: Task) -> Drafts:
    """Kernels of unequal sides, groups, a bias, in one, two and three dims."""
    for dtype in task.dtypes():
        yield _conv(task, 2, dtype, {"pads": [1, 0, 0, 2]}, 1, True)
        yield _conv(task, 2, dtype, {"strides": [2, 1]}, 2, False)
        yield _conv(task, 1, dtype, {}, 1, True)
    for rank in (1, 2, 3):
        for at, said in enumerate(_settings(task, rank)):
            for groups in (1, 2, 4):
                yield _conv(task, rank, "f4", said, groups, (at + groups) % 2 == 0)
        wrong = _conv(task, rank, "f4", {}, 1, False)
        yield wrong._replace(attributes={"group": 3}, forbids="channels that groups do not divide")
    x, w = task.draw((1, 4, 5, 5), "f4"), task.draw((2, 3, 3, 3), "f4")
    yield Draft([x, w], forbids="kernels for other channels")
    yield Draft(
        [x, task.draw((2, 4, 3, 3), "f4"), task.draw((3,), "f4")], forbids="a bias of another size"
    )
    yield Draft([x, task.draw((4, 4, 1, 1), "f4")], {"kernel_shape": [1, 1]})
    yield Draft([task.draw((1, 8, 17, 19), "f4"), task.draw((8, 8, 3, 3), "f4")], {"pads": [1] * 4})


def _conv(
    task: Task, rank: int, dtype: Any, said: dict[str, Any], groups: int, bias: bool
) -> Draft:
    kernel = (3, 2, 3)[:rank] if groups != 2 else (2, 3, 1)[:rank]
    channels = 4 if groups != 1 else 3
    inputs: list[Any] = [
        task.draw((2, channels, *SIZES[:rank]), dtype),
        task.draw((2 * groups, channels // groups, *kernel), dtype),
    ]
    inputs += [task.draw((2 * groups,), dtype)] if bias else []
    said = {**said, **({} if groups == 1 else {"group": groups})}
    said |= {"kernel_shape": list(kernel)} if bias else {}
    shows: tuple[str, ...] = ("a kernel of even size",) if 2 in kernel else ()
    shows += {1: (), 2: ("groups",), 4: ("groups", "one channel to a group")}[groups]
    return Draft(inputs, said, shows=shows)


@recipe(
    "ConvTranspose",
    ranks=(3, 4, 5),
    features=(
        "groups",
        "one channel to a group",
    ),
    auto_pad=AUTO,
)
def conv_transpose(task: Task) -> Drafts:
    """As Conv, with sizes of the output that are padded or said."""
    for dtype in task.dtypes():
        yield _transposed(task, 2, dtype, {"strides": [2, 3]}, 1, True)
        yield _transposed(task, 2, dtype, {"pads": [1, 0, 0, 1]}, 2, False)
    for rank in (1, 2, 3):
        strides = {"strides": [2, 3, 2][:rank]}
        sizes: list[dict[str, Any]] = [{**strides, "output_padding": [1, 2, 0][:rank]}]
        if task.version >= 11:
            said_size = {**strides, "output_shape": [10, 12, 11][:rank]}
            sizes += [said_size, *({**said_size, "auto_pad": auto} for auto in AUTO[1:3])]
        for at, said in enumerate([*_settings(task, rank), *sizes]):
            for groups in (1, 2, 4):
                yield _transposed(task, rank, "f4", said, groups, (at + groups) % 2 == 0)
    x = task.draw((1, 4, 5, 5), "f4")
    yield Draft([x, task.draw((4, 2, 3, 3), "f4")])
    yield Draft([x, task.draw((3, 2, 3, 3), "f4")], forbids="kernels for other channels")
    yield Draft(
        [x, task.draw((4, 2, 3, 3), "f4"), task.draw((3,), "f4")], forbids="a bias of another size"
    )


def _transposed(
    task: Task, rank: int, dtype: Any, said: dict[str, Any], groups: int, bias: bool
) -> Draft:
    kernel = (3, 4, 3)[:rank]
    inputs: list[Any] = [
        task.draw((2, 4, *(5, 4, 5)[:rank]), dtype),
        task.draw((4, 2, *kernel), dtype),
    ]
    inputs += [task.draw((2 * groups,), dtype)] if bias else []
    said = {**said, **({} if groups == 1 else {"group": groups})}
    said |= {"kernel_shape": list(kernel)} if bias else {}
    shows: tuple[str, ...] = {1: (), 2: ("groups",), 4: ("groups", "one channel to a group")}[
        groups
    ]
    return Draft(inputs, said, shows=shows)


@recipe("MaxPool", ranks=(3, 4, 5), features=("indices",), auto_pad=AUTO)
def max_pool(task: Task) -> Drafts:
    """Windows that overlap, that lie in the pads, rounded up; and where the largest lies."""
    for dtype in task.dtypes():
        for rank in (1, 2, 3):
            x = task.distinct((2, 2, *SIZES[:rank]), dtype)
            yield Draft([x], {"kernel_shape": [3, 2, 2][:rank], "strides": [2, 1, 2][:rank]})
    indices: dict[str, Any] = {"outputs": 2, "shows": ("indices",)}
    for rank in (1, 2, 3):
        kernel = {"kernel_shape": [3, 2, 3][:rank]}
        x = -np.abs(task.distinct((2, 3, *SIZES[:rank]), "f4")) - 1
        for said in _pooled(task, rank):
            yield Draft([x.astype(np.float32)], {**kernel, **said})
            if task.has("storage_order"):
                yield Draft([x.astype(np.float32)], {**kernel, **said}, **indices)
                for order in (0, 1):
                    yield Draft(
                        [x.astype(np.float32)],
                        {**kernel, **said, "storage_order": order},
                        **indices,
                    )
    x = task.distinct((1, 1, 5, 5), "f4")
    yield Draft([x], {}, forbids="no kernel")
    yield Draft([x], {"kernel_shape": [2]}, forbids="a kernel of one dim")


def _pooled(task: Task, rank: int) -> list[dict[str, Any]]:
    found = []
    for setting in _settings(task, rank):
        pads = [min(p, 1) for p in setting.get("pads", [])]  # no window lies in the pads alone
        said = {**setting, "pads": pads} if pads else setting
        found.append(said)
        if task.has("ceil_mode") and "auto_pad" not in said:
            found += [{**said, "ceil_mode": 1}, {**said, "ceil_mode": 0}]
    return found


@recipe("AveragePool", ranks=(3, 4, 5), auto_pad=AUTO)
def average_pool(task: Task) -> Drafts:
    """As MaxPool; the pads counted or not."""
    for dtype in task.dtypes():
        for rank in (1, 2, 3):
            x = task.draw((2, 2, *SIZES[:rank]), dtype)
            yield Draft([x], {"kernel_shape": [3, 2, 2][:rank], "strides": [2, 1, 2][:rank]})
    for rank in (1, 2, 3):
        kernel = {"kernel_shape": [3, 2, 3][:rank]}
        for said in _pooled(task, rank):
            for counted in (None, 0, 1):
                more = {} if counted is None else {"count_include_pad": counted}
                x = task.draw((2, 3, *SIZES[:rank]), "f4") + 2
                yield Draft([x.astype(np.float32)], {**kernel, **said, **more})
    yield Draft([task.draw((1, 1, 5, 5), "f4")], {}, forbids="no kernel")


_MODES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
_NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@recipe(
    "Resize",
    ranks=(1, 2, 3, 4, 5),
    features=(
        "scales",
        "sizes",
        "a fractional size",
        "a region",
    ),
    mode=("nearest", "linear", "cubic"),
    coordinate_transformation_mode=(*_MODES, "tf_crop_and_resize"),
    nearest_mode=_NEAREST,
)
def resize(task: Task) -> Drafts:
    """Every mode with every coordinates, larger and smaller, by whole and by odd factors."""
    for draft in _all_resized(task):
        yield _for_version(task, draft)


def _for_version(task: Task, draft: Draft) -> Draft:
    """Version 11 wants what is left out as an empty tensor; version 10 knows scales alone."""
    x, region, scales, *sizes = ([*draft.inputs, None, None])[:4]
    nothing = np.zeros(0, np.float32)
    if task.version >= 13 or draft.forbids:
        return draft
    if task.version == 11:
        given = [x, nothing if region is None else region, nothing if scales is None else scales]
        return draft._replace(inputs=given + [part for part in sizes if part is not None])
    return Draft([x, scales if scales is not None else np.array([1, 1, 2, 2], np.float32)][:2])


def _all_resized(task: Task) -> Drafts:
    scales: tuple[tuple[float, float], ...] = ((2, 3), (0.5, 0.25), (2, 0.5), (1.5, 1), (1, 2))
    fractional: tuple[tuple[float, float], ...] = ((0.6, 0.8), (1.3, 2.7))
    coordinates = [*_MODES, *(["half_pixel_symmetric"] if task.version >= 19 else [])]
    modes: list[dict[str, Any]] = [{"mode": "linear"}, {"mode": "cubic"}]
    modes += [{"mode": "cubic", "cubic_coeff_a": -0.5}, {"mode": "cubic", "exclude_outside": 1}]
    modes += [{"mode": "nearest", "nearest_mode": how} for how in _NEAREST] + [
        {"mode": "nearest"},
        {},
    ]
    for said, where in itertools.product(modes, [None, *coordinates]):
        both = {**said, **({} if where is None else {"coordinate_transformation_mode": where})}
        for factors in (*scales, *fractional):
            shows = ("scales", *(("a fractional size",) if factors in fractional else ()))
            yield _resized(task, (8, 8), "f4", factors, None, both, shows)
        yield _resized(task, (4, 6), "f4", None, (6, 9), both, ("sizes",))
        yield _resized(task, (6, 8), "f4", None, (4, 3), both, ("sizes",))
    for dtype in task.dtypes("T1" if task.version >= 11 else "T"):
        for mode in ("nearest", "linear", "cubic"):
            if is_integer(dtype) and mode != "nearest":
                continue
            yield _resized(task, (4, 6), dtype, (2, 1.5), None, {"mode": mode}, ("scales",))
    for rank in (1, 2, 3, 5) if task.version > 10 else ():
        x = task.distinct((2, 3, 4, 3, 5)[:rank], "f4")
        each = [1.0, 1.0, 2.0, 1.0, 2.0][:rank] if rank > 1 else [2.0]
        yield Draft([x, None, np.array(each, np.float32)], {"mode": "nearest"})
    region = {"coordinate_transformation_mode": "tf_crop_and_resize"}
    for mode, (start, end) in itertools.product(
        ("nearest", "linear", "cubic"), ((0.25, 0.75), (-0.25, 1.5))
    ):
        for beyond in ({}, {"extrapolation_value": 7.0}):
            roi = np.array([0, 0, start, start, 1, 1, end, end])
            for kind in task.dtypes("T2"):
                x, sizes = task.distinct((1, 1, 5, 6), "f4"), np.array([1, 1, 4, 7], np.int64)
                said = {"mode": mode, **region, **beyond}
                yield Draft([x, roi.astype(kind), None, sizes], said, shows=("a region", "sizes"))
    yield from _newer(task)
    x = task.distinct((1, 1, 4, 4), "f4")
    twice = [x, None, np.ones(4, np.float32) * 2, np.array([1, 1, 8, 8], np.int64)]
    yield Draft([*twice], forbids="scales and sizes")
    yield Draft([x, None, np.ones(3, np.float32)], forbids="fewer scales than dims")
    yield Draft(
        [x, None, np.ones(4, np.float32)], {"mode": "area"}, forbids="a mode that there is not"
    )


def _newer(task: Task) -> Drafts:
    """What version 18 brought."""
    if task.version < 18:
        return
    for mode, factors in itertools.product(("linear", "cubic"), ((0.5, 0.6), (0.25, 2))):
        for smooth in (0, 1):
            said = {"mode": mode, "antialias": smooth}
            yield _resized(task, (8, 8), "f4", factors, None, said, ("scales",))
    for axes in ([2, 3], [3, 2], [-1]):
        each = np.array([2.0, 0.5][: len(axes)], np.float32)
        yield Draft(
            [task.distinct((1, 2, 4, 6), "f4"), None, each], {"axes": axes, "mode": "linear"}
        )
    for policy in ("stretch", "not_larger", "not_smaller"):
        for sizes in ((8, 7), (3, 9)):
            kept = {"keep_aspect_ratio_policy": policy, "axes": [2, 3], "mode": "nearest"}
            x = task.distinct((1, 2, 4, 6), "f4")
            yield Draft([x, None, None, np.array(sizes, np.int64)], kept)


def _resized(
    task: Task,
    sides: tuple[int, int],
    dtype: Any,
    factors: tuple[float, float] | None,
    sizes: tuple[int, int] | None,
    said: dict[str, Any],
    shows: tuple[str, ...],
) -> Draft:
    x = task.distinct((1, 2, *sides), dtype)
    inputs: list[Any] = [x, None]
    if factors is not None:
        inputs.append(np.array([1, 1, *factors], np.float32))
    else:
        inputs += [None, np.array([1, 2, *(sizes or ())], np.int64)]
    return Draft(inputs, said, shows=shows)
