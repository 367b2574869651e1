"""OG3xx: tensors, and those that constants call for."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

TENSORS = (
    Rule(
        "OG301",
        "tensor-elements",
        Severity.ERROR,
        "A tensor has, or will get, more elements than the allowlist permits.",
        "A shape of a few bytes can ask for terabytes: in a tensor's dims, in the constant that "
        "ConstantOfShape, Expand or Tile reads, in the pads of a Conv; so can a chain of nodes, or "
        "the rounds of a Loop, that double what they get. A constant that asks for a size and "
        "cannot be read may ask for anything. A product that overflows 64 bits may turn "
        "into a small number in a loader, which then writes past its buffer.",
        "Correct the shape. If the size is meant, raise the limit in a list that fits the target.",
        unsafe=True,
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
        unsafe=True,
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
)
