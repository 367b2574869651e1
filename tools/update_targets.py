"""Write allowlists/targets from operator tables of runtimes, as CSV files.

python tools/update_targets.py FOLDER             # every table of SOURCES in that folder
python tools/update_targets.py FOLDER NAME...     # these targets alone

Columns: runtime, version, domain, op, opset_min, opset_max, dtypes (parted by |), note. Where a
column is empty the table does not say. ONNX Runtime's CPU is not written from a table but asked:
onnxguard targets from-runtime. What tables say wrongly: allowlists/targets/exceptions.yaml.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from onnxguard.model.schemas import operator_names, schema_at, since_versions
from onnxguard.model.type_names import canonical
from onnxguard.policy.allowlist import Range
from onnxguard.policy.target import (
    TARGETS,
    Row,
    type_of,
    written_head,
    written_rows,
)
from onnxguard.policy.target_exceptions import exceptions, with_exceptions

READ_ON = "2026-11-30"
INTERNAL = ("com.microsoft.nchwc", "com.ms.internal.nhwc", "com.microsoft.dml")
"""Domains of operators that a runtime makes itself and no model holds."""
HARMLESS = re.compile(
    r"(need perf optimization|need implementing activation|no GPU kernel|Changed to ``identity``|"
    r"an ORT warning is generated - need to fix|``saturate`` (is )?not supported|;|\s)*"
)
"""Notes that restrict nothing: a graph in the standard has no fused activation, shapes are computed
beside the graphics card, Dropout does nothing, and saturate is about types that are not there."""
MEASURED = re.compile(r"(\d+)/(\d+) measured cases")
MOST_TYPES = 16

_NAMES = {"fp32": "float", "fp16": "float16", "bf16": "bfloat16", "fp64": "double"}
_NAMES |= {"float32": "float", "float64": "double", "inf64": "int64", "fp8": "float8e4m3fn"}

_ORT: dict[str, Any] = {
    "versions": "since",
    "types": "parameters",
    "opsets": {"ai.onnx": 23, "ai.onnx.ml": 5},
    "ir_version": 11,
    "model_bytes": (1 << 31) - 1,
}
_REST = {"rest": "onnxruntime-cpu@1.23.0-dev"}
_NAMED: dict[str, Any] = {"versions": "opset", "types": "none"}


class Source(NamedTuple):
    """A table, and what it is about.

    ``table`` is the file without its ending, ``runtime`` the value of that column, ``head`` what
    the target's head says beyond the texts.
    """

    name: str
    version: str
    title: str
    table: str
    licence: str
    head: dict[str, Any]
    where: str
    runtime: str = ""


def _ort(name: str, title: str, table: str, where: str, **head: Any) -> Source:
    return Source(name, "1.23.0-dev", title, table, "MIT", {**_ORT, **head}, where)


def _winml(name: str, title: str, runtime: str) -> Source:
    note = "Measured case by case on Windows; what was not measured is unknown."
    head = {"versions": "since", "types": "first", "partial": True, "note": note}
    where = "winml_cli 0.4.0, its measured cases"
    return Source(name, "winml-0.4.0", title, "winml", "MIT", head, where, f"winml {runtime}")


def _named(name: str, version: str, title: str, table: str, where: str, licence: str) -> Source:
    return Source(name, version, title, table, licence, _NAMED, where)


SOURCES = (
    _ort(
        "onnxruntime-cpu",
        "ONNX Runtime 1.23-dev, CPU",
        "ort-cpu-md",
        "microsoft/onnxruntime docs/OperatorKernels.md at c98a0e014",
        float16_as_float32=True,
        external_data=True,
    ),
    _ort(
        "onnxruntime-cuda",
        "ONNX Runtime 1.23-dev, CUDA",
        "ort-cuda-md",
        "microsoft/onnxruntime docs/OperatorKernels.md at c98a0e014",
        **_REST,
    ),
    _ort(
        "onnxruntime-directml",
        "ONNX Runtime 1.23-dev, DirectML",
        "ort-dml-md",
        "microsoft/onnxruntime docs/OperatorKernels.md at c98a0e014",
        **_REST,
    ),
    _ort(
        "onnxruntime-webgpu",
        "ONNX Runtime Web 1.23-dev, WebGPU",
        "ort-webgpu",
        "microsoft/onnxruntime js/web/docs/webgpu-operators.md at c98a0e014",
        types="none",
        **_REST,
    ),
    _ort(
        "onnxruntime-webnn",
        "ONNX Runtime Web 1.23-dev, WebNN",
        "ort-webnn",
        "microsoft/onnxruntime js/web/docs/webnn-operators.md at c98a0e014",
        versions="opset",
        types="none",
        **_REST,
    ),
    _winml("openvino-cpu", "OpenVINO in Windows ML, CPU", "OpenVINOExecutionProvider_CPU"),
    _winml("openvino-gpu", "OpenVINO in Windows ML, GPU", "OpenVINOExecutionProvider_GPU"),
    _winml("openvino-npu", "OpenVINO in Windows ML, NPU", "OpenVINOExecutionProvider_NPU"),
    _winml("qnn-gpu", "QNN in Windows ML, GPU", "QNNExecutionProvider_GPU"),
    _winml("qnn-npu", "QNN in Windows ML, NPU", "QNNExecutionProvider_NPU"),
    _winml("tensorrt-rtx", "TensorRT for RTX in Windows ML", "NvTensorRTRTXExecutionProvider_GPU"),
    Source(
        "onnx-mlir-cpu",
        "2026-07-01",
        "onnx-mlir, CPU",
        "onnx-mlir-cpu",
        "Apache-2.0",
        {"versions": "opset", "types": "all", "opsets": {"ai.onnx": 22}},
        "onnx/onnx-mlir docs/SupportedONNXOps-cpu.md at ec744fe6d",
    ),
    Source(
        "onnx-mlir-nnpa",
        "2026-07-01",
        "onnx-mlir, IBM Telum (NNPA)",
        "onnx-mlir-nnpa",
        "Apache-2.0",
        {"versions": "opset", "types": "none", "opsets": {"ai.onnx": 22}, "rest": "onnx-mlir-cpu"},
        "onnx/onnx-mlir docs/SupportedONNXOps-NNPA.md at ec744fe6d",
    ),
    Source(
        "migraphx",
        "2026-05-29",
        "MIGraphX",
        "migraphx",
        "MIT",
        {"versions": "opset", "types": "first", "opsets": {"ai.onnx": 19}},
        "ROCm/AMDMIGraphX docs/dev/onnx_operators.rst at f729a52faf",
    ),
    Source(
        "tensorrt",
        "10.1",
        "TensorRT 10.1, by its parser's table of 2024",
        "tensorrt",
        "Apache-2.0",
        {
            "versions": "opset",
            "types": "first",
            "opsets": {"ai.onnx": 20},
            "note": "The table is of June 2024: a newer TensorRT runs more.",
        },
        "onnx/onnx-tensorrt docs/operators.md at 96e7811",
    ),
    Source(
        "esp-dl",
        "2026-07-30",
        "ESP-DL",
        "esp-dl",
        "MIT",
        {
            "versions": "opset",
            "types": "none",
            "opsets": {"ai.onnx": 18},
            "note": "It quantises a model itself: the types of its table are those after that.",
        },
        "espressif/esp-dl operator_support_state.md at 12c0616d",
    ),
    Source(
        "wonnx",
        "2024-05-18",
        "wonnx",
        "wonnx",
        "Apache-2.0",
        {"versions": "opset", "types": "none"},
        "webonnx/wonnx README.md at c62f5d3",
    ),
    _named(
        "onnxruntime-coreml",
        "1.23.0-dev",
        "ONNX Runtime 1.23-dev, CoreML (ML Program)",
        "ort-coreml-mlprogram",
        "microsoft/onnxruntime tools/ci_build coreml_supported_mlprogram_ops.md at c98a0e014",
        "MIT",
    ),
    _named(
        "onnxruntime-nnapi",
        "1.23.0-dev",
        "ONNX Runtime 1.23-dev, NNAPI",
        "ort-nnapi",
        "microsoft/onnxruntime tools/ci_build nnapi_supported_ops.md at c98a0e014",
        "MIT",
    ),
    _named(
        "litert",
        "onnx2tf-2026-07-20",
        "LiteRT, by way of onnx2tf",
        "onnx2tf",
        "PINTO0309/onnx2tf README.md at 2c0cb019",
        "MIT",
    ),
    *(
        _named(name, date, title, table, f"{where}: what its source registers", licence)
        for name, date, title, table, where, licence in (
            ("tract", "2026-08-22", "tract", "tract", "sonos/tract at 38b383fbd", "Apache-2.0"),
            ("rten", "2026-08-08", "RTen", "rten", "robertknight/rten at c7f7bad9", "MIT"),
            (
                "tvm",
                "2026-08-22",
                "TVM Relax",
                "tvm-relax",
                "apache/tvm at 5d4dc87213",
                "Apache-2.0",
            ),
            (
                "burn",
                "2026-02-21",
                "burn-onnx",
                "burn-onnx",
                "tracel-ai/burn-onnx at 7db1e20",
                "MIT",
            ),
            ("onnx2c", "2026-04-15", "onnx2c", "onnx2c", "kraiskil/onnx2c at ea045cc", "MIT"),
            (
                "ncnn",
                "2026-07-22",
                "ncnn (onnx2ncnn)",
                "ncnn-onnx2ncnn",
                "Tencent/ncnn at a4d2ea1d4",
                "BSD-3-Clause",
            ),
            ("mnn", "2026-08-20", "MNN", "mnn", "alibaba/MNN at 4d40bdbd7", "Apache-2.0"),
            (
                "candle",
                "2026-08-14",
                "candle-onnx",
                "candle-onnx",
                "huggingface/candle at 2a13b0f3f",
                "Apache-2.0",
            ),
        )
    ),
)


def main(arguments: list[str]) -> None:
    """Write the targets."""
    folder, *names = arguments
    for source in SOURCES:
        if names and source.name not in names:
            continue
        rows = list(_rows(source, Path(folder)))
        head = {
            "schema": 1,
            "target": source.name,
            "version": source.version,
            "title": source.title,
            "source": source.where,
            "date": READ_ON,
            "licence": source.licence,
            **source.head,
        }
        base = TARGETS / f"{source.name}@{source.version}"
        Path(f"{base}.tsv").write_text(written_rows(rows), encoding="utf-8")
        Path(f"{base}.yaml").write_text(written_head(head), encoding="utf-8")
        print(f"{source.name}@{source.version}: {len({row[:2] for row in rows})} operators")


def _rows(source: Source, folder: Path) -> Iterator[tuple[str, str, Row]]:
    with (folder / f"{source.table}.csv").open(encoding="utf-8", newline="") as stream:
        table = [row for row in csv.DictReader(stream) if source.runtime in ("", row["runtime"])]
    judged = {
        operator
        for each in exceptions()
        if source.name in each.targets and each.restricts
        for operator in each.operators
    }
    raw = [
        (row["domain"], row["op"], made)
        for row in table
        if row["domain"] not in INTERNAL
        for made in _made(source, row, judged)
    ]
    for domain, op_type, row in with_exceptions(source.name, raw):
        places = (domain, "com.microsoft", "ai.onnx.ml")
        known = [place for place in places if op_type in operator_names(place)]
        if domain == "ai.onnx" and op_type in operator_names("onnxruntime"):
            known.insert(0, domain)
        if not known:
            raise SystemExit(f"{source.table}: no operator {domain} {op_type}: add an exception")
        if _is_standard(source, known[0], op_type, row):
            yield known[0], op_type, row


def _is_standard(source: Source, domain: str, op_type: str, row: Row) -> bool:
    """Whether the row is of a version that there is: some were written before the standard's."""
    since = (*since_versions(domain, op_type), *since_versions("onnxruntime", op_type))
    if source.head["versions"] == "since":
        return any(version in row.versions for version in since)
    return row.versions.high is None or row.versions.high >= min(since)


def _made(source: Source, row: dict[str, str], judged: set[str]) -> list[Row]:
    """The rows of a target that a row of the table makes.

    OperatorKernels.md has the types of several type parameters; the tables have those of the first
    by name. What has a kernel has one for float32: of other types nothing is known.
    """
    made = _row(source, row, judged)
    if source.head["types"] != "parameters" or not made.types:
        return [made]
    schema = schema_at(row["domain"], row["op"], made.versions.high or made.versions.low)
    types = made.types[""]
    own = sorted(schema.constraints.items()) if schema else []
    named = ((n, types & set(map(canonical, kinds))) for n, kinds in own)
    name, types = next(
        ((n, taken) for n, taken in named if 2 * len(taken) >= len(types)), (None, types)
    )
    if name is None:
        return [made._replace(types={}, how="restricted")]
    others = [n for n, kinds in own if n != name and "tensor(float)" in kinds and len(kinds) > 1]
    if not others:
        return [made._replace(types={name: types})]
    floats = dict.fromkeys(others, frozenset({"tensor(float)"}))
    return [
        made._replace(types={name: types, **floats}),
        made._replace(types={name: types}, how="restricted"),
    ]


def _row(source: Source, row: dict[str, str], judged: set[str]) -> Row:
    """A row of the table, its types not yet given to a type parameter."""
    low = int(row["opset_min"] or 1)
    high = int(row["opset_max"]) if row["opset_max"] else None
    if source.head["versions"] == "since" and high is None:
        high = low
    versions = Range(low, high)
    if source.head is _NAMED:
        return Row(versions, {}, "kernel", {})
    dtypes = [_dtype(each) for each in row["dtypes"].split("|") if each]
    how = "kernel" if HARMLESS.fullmatch(row["note"]) or row["op"] in judged else "restricted"
    if measured := MEASURED.match(row["note"]):
        ran, of = int(measured[1]), int(measured[2])
        if not ran:
            return Row(versions, {}, "refused", {})
        # As many of all cases as these are of all types: of these types every case ran.
        each = ran / max(len(dtypes), 1)
        whole = each == int(each) and of % each == 0 and of // each <= MOST_TYPES
        how = "kernel" if whole else "restricted"
    told = dtypes and "any" not in dtypes and source.head["types"] not in ("none", "all")
    return Row(versions, {"": frozenset(map(type_of, dtypes))} if told else {}, how, {})


def _dtype(text: str) -> str:
    name = text.strip(",").lower()
    return _NAMES.get(name, name)


if __name__ == "__main__":
    main(sys.argv[1:])
