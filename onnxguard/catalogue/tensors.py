"""OG3xx and OG4xx: tensors, and the files that their values lie in."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

TENSORS = (
    Rule(
        "OG301",
        "tensor-elements",
        Severity.ERROR,
        "A tensor has, or will get, more elements than the allowlist permits.",
        "A shape of a few bytes can ask for terabytes: in a tensor's dims, or in the constant that "
        "ConstantOfShape, Expand or Tile reads. A product that overflows 64 bits may turn into a "
        "small number in a loader, which then writes past its buffer.",
        "Correct the shape. If the size is meant, raise the limit in a list that fits the target.",
    ),
    Rule(
        "OG302",
        "tensor-dims",
        Severity.ERROR,
        "A tensor's shape has a negative dimension or too many dimensions.",
        "A stored tensor has a known shape, so a negative size means nothing and becomes a huge "
        "one where it is read as unsigned. Kernels keep dimensions in arrays of a fixed length. "
        "The dimension -1 of a declared value, as Paddle writes it, is a warning: ONNX Runtime "
        "takes it for an unknown size.",
        "Export the model again. For an unknown size use a graph input's symbolic dimension.",
    ),
    Rule(
        "OG303",
        "tensor-data-size",
        Severity.ERROR,
        "A tensor's data is shorter or longer than its shape and type ask for.",
        "A loader that trusts the shape reads past the data; one that trusts the data computes "
        "with another tensor than the one declared. Bytes beyond the shape carry anything.",
        "Export the model again; a cut or patched file looks like this.",
    ),
    Rule(
        "OG304",
        "tensor-data-twice",
        Severity.ERROR,
        "A tensor carries its values in more than one field.",
        "Each reader has its own order of preference among the data fields, so two programs load "
        "two different tensors from one file. This is how a bound is shown to a checker and "
        "another one to the runtime.",
        "Keep one data field, raw_data by preference, and drop the rest.",
    ),
    Rule(
        "OG305",
        "tensor-dtype-unknown",
        Severity.ERROR,
        "A tensor has an element type that ONNX does not define.",
        "Without an element size neither its memory nor its data can be checked, and what a "
        "runtime makes of the number is its own affair.",
        "Export with an ONNX release that knows the type, or convert the tensor to a known one.",
    ),
    Rule(
        "OG306",
        "dtype-not-allowed",
        Severity.ERROR,
        "The model uses an element type that the allowlist does not permit.",
        "The target was reviewed for some types. Others may be missing there, may change "
        "accuracy, or, like strings, may bring code that numeric models never reach.",
        "Convert the weights and the graph inputs to a permitted type.",
    ),
    Rule(
        "OG401",
        "external-data-forbidden",
        Severity.ERROR,
        "A tensor keeps its values in another file, and the allowlist forbids that.",
        "The model is then two files: a signature, a checksum or a review of the one says nothing "
        "about the other, and one of them gets lost on the way.",
        "Save the model with its weights inside (onnx.save_model without external data).",
    ),
    Rule(
        "OG402",
        "external-path-escapes",
        Severity.ERROR,
        "A tensor's data file is not named by a plain path inside the model's folder.",
        "With '..', an absolute path, a drive letter, a network share or a URL, whoever wrote the "
        "model decides which file of the machine is read into a tensor, and may learn it from "
        "the outputs.",
        "Put the data file beside the model and refer to it by its bare name.",
    ),
    Rule(
        "OG403",
        "external-file-unsafe",
        Severity.ERROR,
        "A tensor's data file is a link out of the model's folder, a hard link or no regular file.",
        "A link leads anywhere, and a device such as /dev/zero never ends; ONNX Runtime refuses "
        "what lies neither below the folder of the path that it is given nor below that of the "
        "file which this path leads to. Where a link is followed by '..', runtimes differ in which "
        "file they read. The file was looked at but not opened.",
        "Replace it by a regular file of its own, copied rather than linked.",
    ),
    Rule(
        "OG404",
        "external-file-missing",
        Severity.ERROR,
        "A tensor's data file is missing, unreadable or nowhere to be looked for.",
        "The model cannot be loaded where it stands. Whoever later puts a file of that name beside "
        "it supplies the weights. A model from standard input has no folder to look in.",
        "Ship the data file with the model and scan the model by its path, or save it with its "
        "weights inside.",
    ),
    Rule(
        "OG405",
        "external-range",
        Severity.ERROR,
        "A tensor's range in its data file does not fit the file or the tensor.",
        "A negative or non-integer offset, or a length past the end, makes a loader that maps the "
        "file read foreign memory or fail half-way.",
        "Write model and data file again in one go; they are not of one export.",
    ),
    Rule(
        "OG406",
        "external-keys",
        Severity.ERROR,
        "A tensor's reference to its data file has unknown, repeated or missing keys.",
        "Of a repeated key some readers take the first and some the last, so the file that was "
        "checked need not be the one that is read. Unknown keys are ignored by some and obeyed by "
        "others.",
        "Keep location, offset, length and checksum, each at most once.",
    ),
    Rule(
        "OG407",
        "external-link",
        Severity.NOTE,
        "A tensor's data file is reached through a symbolic link that stays near the model.",
        "It leads to a file below the model's folder, or beside the file that the model is a link "
        "to, as in the cache of the Hugging Face Hub. ONNX Runtime reads it, onnx refuses every "
        "link, and a copy of the folder may lose it.",
        "Copy the data into a plain file beside the model, or set policy.external_data_links: "
        "allow says nothing, warn and forbid make it a warning and an error.",
    ),
    Rule(
        "OG408",
        "external-pointer",
        Severity.ERROR,
        "A tensor's data file is a pointer to the data: of Git LFS, git-annex, DVC or Xet.",
        "The weights were not fetched. A runtime that finds enough bytes in the pointer's text "
        "takes them for weights without a word; otherwise the model does not load.",
        "Fetch the data as the message says (in CI: check out with LFS), and scan again.",
    ),
)
