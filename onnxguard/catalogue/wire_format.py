"""OG6xx: encodings that parse, but not to the same model everywhere."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

WIRE = (
    Rule(
        "OG601",
        "unknown-field",
        Severity.ERROR,
        "The file has a field that ONNX does not define, or defines with another encoding.",
        "Readers skip it, so it may carry anything: hidden data, or a meaning that a newer or "
        "patched runtime obeys. No review of the known fields covers it.",
        "Load and save the model without unknown fields, or scan with a release of this tool that "
        "knows the ONNX version that wrote it.",
    ),
    Rule(
        "OG602",
        "duplicate-field",
        Severity.ERROR,
        "A field that may stand once stands more than once.",
        "Protobuf merges repeated messages and lets the last scalar win; hand-written readers take "
        "the first. With two graphs or two names, the checked one need not be the one that runs. "
        "Every occurrence was scanned.",
        "Load the model with the official protobuf reader, inspect it, and save it again.",
    ),
    Rule(
        "OG603",
        "group-field",
        Severity.ERROR,
        "The file uses protobuf groups.",
        "ONNX never did. Some readers skip a group with all it holds, others refuse the file, so "
        "it passes one gate and not the next.",
        "Load the model with the official protobuf reader and save it again, which drops groups.",
    ),
    Rule(
        "OG604",
        "mixed-packing",
        Severity.ERROR,
        "A list of numbers is written both packed and one by one.",
        "Full readers join both parts; simple ones know one of them and see a shorter list: other "
        "dims, other values, another trip count.",
        "Load and save the model with the official protobuf library.",
    ),
    Rule(
        "OG605",
        "invalid-utf8",
        Severity.ERROR,
        "A name or text is not valid UTF-8.",
        "Some readers refuse the file, some replace bytes, and two names that differ become equal. "
        "Logs and reports break on it where it is printed raw.",
        "Rename what is meant in the source model and export again.",
    ),
    Rule(
        "OG606",
        "too-large-for-protobuf",
        Severity.ERROR,
        "The model is a message of 2 GiB or more.",
        "Protobuf counts the bytes of a message in 31 bits: the runtime, the checker and every "
        "other program that reads models with it refuse the file, and a reader of another kind "
        "that takes it is the only one to have seen what it holds.",
        "Save the weights as external data: onnx.save(..., save_as_external_data=True).",
    ),
    Rule(
        "OG607",
        "messages-too-deep",
        Severity.ERROR,
        "Messages nest deeper than 100.",
        "Protobuf stops at 100 messages inside one another and refuses the file; each graph inside "
        "a graph takes three. No runtime that reads with it loads the model, and a reader that "
        "goes on sees what nobody else does.",
        "Move the inner graphs into the functions that they belong to, or unroll them.",
    ),
)
