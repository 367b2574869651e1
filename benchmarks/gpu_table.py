"""What gpu.py measured, as Markdown for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Record = dict[str, Any]
TRAFFIC = {
    ("saliency-v1", "fp32"): 14.4e9,
    ("saliency-v1", "bf16"): 7.4e9,
    ("saliency-v2", "fp32"): 15.5e9,
    ("saliency-v2", "bf16"): 8.0e9,
}
"""Bytes that a step moves, 32 crops of 256x256: the sum over its operators, none of them fused."""
FUSED = 2.4e9
"""The same with everything fused by hand, in bf16."""
COUNTED_CROP = 256
_SPANS = ((1, 10), (11, 50), (51, 100), (101, 200), (201, 300))


def table(records: Iterable[Record], missing: Sequence[str]) -> str:
    """Everything that was measured, the newest of each item.

    Args:
        records: lines of results.jsonl, of one scale.
        missing: what was not reached.
    """
    newest = {(record["step"], record["item"]): record for record in records}
    found = {key: record for key, record in newest.items() if record["error"] is None}
    parts = [
        _heading(found, newest),
        _data(found),
        _tests(newest),
        _whole(found),
        _steps(found),
        _curves(found),
        _profile(found),
        _parity(found),
        *(
            f"- failed: {step}:{item}: {r['error']}"
            for (step, item), r in newest.items()
            if r["error"]
        ),
        *(f"- not reached: {name}" for name in missing),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _of(records: dict[tuple[str, str], Record], step: str) -> dict[str, Any]:
    return {item: record["result"] for (name, item), record in records.items() if name == step}


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _heading(found: dict[tuple[str, str], Record], newest: dict[tuple[str, str], Record]) -> str:
    days = sorted({record["at"][:10] for record in newest.values()})
    scales = {record["scale"] for record in newest.values()}
    lines = [f"{' to '.join(days[:1] + days[1:][-1:])}; {', '.join(scales)}." if days else ""]
    for card in _of(found, "card").values():
        versions = ", ".join(f"{name} {which}" for name, which in card["versions"].items())
        lines.append(f"{card['card']}, {card['cores']} cores, {card['system']}; {versions}.")
        if "driver" in card:
            lines.append(
                f"Driver {card['driver']}, CUDA {card['CUDA']}, cuDNN {card['cuDNN']}, "
                f"{card['memory'] / 2**30:.1f} GiB, {card['multiprocessors']} multiprocessors."
            )
        rate = {name: each / 1e9 for name, each in card["copied"].items()}
        lines.append(
            f"A copy within its memory reads and writes {rate['median']:,.0f} GB/s "
            f"({rate['least']:,.0f} to {rate['most']:,.0f}; 20 times 5 copies of 2 GiB, "
            "on a CPU of 32 MiB)."
        )
    return "\n".join(lines)


def _data(found: dict[tuple[str, str], Record]) -> str:
    store = _of(found, "data").get("store")
    if store is None:
        return ""
    return (
        f"Data: {store['training']} images to train on, {store['validation']} held out, decoded "
        f"{store['bytes'] / 1e9:.2f} GB; hashing and decoding {store['cold']:.1f} s, opening again "
        f"{store['again']:.1f} s."
    )


def _tests(newest: dict[tuple[str, str], Record]) -> str:
    result = _of(newest, "tests").get("cuda")
    if result is None:
        return ""
    counts = ", ".join(f"{len(names)} {outcome}" for outcome, names in result.items() if names)
    return f"Tests that need a GPU: {counts or 'none ran'}."


def _whole(found: dict[tuple[str, str], Record]) -> str:
    rows = []
    for step in ("whole", "seeds"):
        for item, result in sorted(_of(found, step).items(), reverse=True):
            card = result["card"]
            phases = {each["phase"]: each["seconds"] for each in card["seconds"]}
            hardware = {each["what"]: each["which"] for each in card["hardware"]}
            graphed = ", CUDA graph" * (hardware.get("CUDA graph") == "yes")
            refused = [gate["name"] for gate in card["gates"] if not gate["passed"]]
            names = ("data", "training", "validation", "export", "gates")
            rows.append(
                [
                    f"{item} ({hardware['precision']}{graphed}, {len(card['epochs'])} epochs)",
                    f"{result['command']:.1f}",
                    *(f"{phases[name]:.1f}" for name in names),
                    f"{max(epoch['iou'] for epoch in card['epochs']):.4f}",
                    ", ".join(refused) or "none",
                ]
            )
    head = ("`train-and-gate`, seconds", "command", "data", "training", "validation", "export")
    return _grid((*head, "gates", "IoU", "gates that refused"), rows) if rows else ""


def _steps(found: dict[tuple[str, str], Record]) -> str:
    card = _of(found, "card").get("card")
    copied = card["copied"]["median"] if card else None
    counted = any(f"crop {COUNTED_CROP}," in record["scale"] for record in found.values())
    rows = []
    for step in ("steps", "compiled"):
        for item, result in _of(found, step).items():
            student, way = item.split(" ", 1)
            traffic = TRAFFIC[student, way[:4]] if step == "steps" else FUSED
            floor, rate = "", ""
            if counted and copied:
                floor = f"{1000 * traffic / copied:.2f}"
                rate = f"{traffic / result['median'] / 1e9:,.0f}" if step == "steps" else ""
            each = {name: 1000 * result[name] for name in ("median", "least", "most")}
            rows.append(
                [
                    f"{student} {way if step == 'steps' else 'compiled, ' + way}",
                    f"{each['median']:.2f} ({each['least']:.2f} to {each['most']:.2f})",
                    f"{result['images_per_second']:,.0f}",
                    rate,
                    floor,
                    f"{result['validation']:.2f}",
                    f"{result['once']:.1f}",
                    f"{result['peak'] / 2**30:.2f}",
                ]
            )
    head = ("steps", "ms, median (fastest to slowest)", "images/s", "GB/s", "floor, ms")
    if not rows:
        return ""
    said = (
        "A figure is the mean over the 50 steps between two looks at the loss; GB/s are the bytes "
        "of a step's operators by that time, and the floor is those bytes (compiled: all fused) by "
        "the copy's GB/s. Under once stands what two epochs take besides steps and validation: to "
        "send images to the device, to choose, record or compile kernels, to write checkpoints. "
        "The peak holds the images too, and what kernels took that were tried and not chosen."
    )
    return _grid((*head, "validation, s", "once, s", "peak GiB"), rows) + "\n" + said


def _curves(found: dict[tuple[str, str], Record]) -> str:
    curves = _of(found, "curves")
    rows = []
    for item, result in curves.items():
        losses = result["losses"]
        means = [
            f"{sum(losses[first - 1 : last]) / (last - first + 1):.4f}"
            if len(losses) >= last
            else ""
            for first, last in _SPANS
        ]
        base = curves.get(item.removesuffix(" again").removesuffix(" resumed"), result)
        gaps = [abs(a - b) for a, b in zip(losses, base["losses"], strict=True)]
        apart = f"{max(gaps):.1e}" if base is not result else ""
        if result["resumed_at"]:
            apart = f"{max(gaps[: result['resumed_at']]):.1e}, then " + apart
        name = f"{item} at {result['resumed_at']}" if result["resumed_at"] else item
        rows.append([name, *means, f"{result['iou']:.4f}", apart])
    spans = (f"{first} to {last}" for first, last in _SPANS)
    head = ("loss, saliency-v2, mean of steps", *spans, "IoU", "furthest from the first run")
    return _grid(head, rows) if rows else ""


def _profile(found: dict[tuple[str, str], Record]) -> str:
    parts = []
    for item, result in _of(found, "profile").items():
        kind = "kernels" if result["kernels"]["rows"] else "operators"
        total = result[kind]["milliseconds"]
        rows = [
            [
                f"`{_short(row['name'])}`",
                f"{row['milliseconds']:.3f}",
                f"{row['milliseconds'] / total:.0%}" if total else "",
                f"{row['calls']:.0f}",
            ]
            for row in result[kind]["rows"][:3]
        ]
        head = (f"{item}: largest {kind} of {total:.2f} ms a step", "ms a step", "share", "calls")
        parts.append(_grid(head, rows))
    return "".join(parts)


def _short(kernel: str) -> str:
    """Without what so many begin with that the part that tells them apart would be cut off."""
    plain = kernel.removeprefix("void ").replace("at::native::", "").replace("|", "/")
    return plain[:90]


def _parity(found: dict[tuple[str, str], Record]) -> str:
    rows = [
        [
            f"{student}, {name}",
            f"{gaps['largest']:.2e}",
            f"{gaps['mean']:.2e}",
            f"{gaps['turned']} of {gaps['pixels']:,}",
            f"{gaps['iou']:.6f} and {result['iou']:.6f}" + ", not finite" * (not gaps["finite"]),
        ]
        for student, result in _of(found, "parity").items()
        for name, gaps in result["against"].items()
    ]
    head = ("PyTorch in float32 against ONNX Runtime on the CPU", "largest difference", "mean")
    return _grid((*head, "pixels on the other side of 0.5", "IoU of both"), rows) if rows else ""
