"""OG1xx: which operators the graph uses."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

OPERATORS = (
    Rule(
        "OG101",
        "operator-not-allowed",
        Severity.ERROR,
        "The allowlist does not name this operator.",
        "What is not on the list was never reviewed: it may not exist in the runtime that ships, "
        "may cost unbounded time or memory, or may run code outside the reviewed kernels. Domain, "
        "name and overload are compared byte for byte, in function bodies, subgraphs, attribute "
        "defaults and training graphs as well, because a runtime executes those too.",
        "Export without the operator (another up-sampler, folded constants, static rather than "
        "dynamic quantisation), choose the list that was reviewed for it, or propose the operator "
        "for the list together with the decision that backs it.",
    ),
    Rule(
        "OG102",
        "operator-denied",
        Severity.ERROR,
        "The allowlist refuses this operator by name.",
        "Somebody looked at this operator and decided against it; the entry carries the reason. "
        "A denial outweighs every list that it builds on.",
        "Use the alternative that the entry names. To reverse the decision, change the list in a "
        "review of its own; do not waive it model by model.",
    ),
    Rule(
        "OG103",
        "operator-opset",
        Severity.ERROR,
        "The operator is allowed, but not at this opset version.",
        "An operator's meaning changes between opset versions: inputs become attributes, defaults "
        "move, types widen. The review covered the versions on the list only.",
        "Export at an opset inside the range, or convert the model with ONNX's version "
        "converter, then compare its outputs with those of the original.",
    ),
    Rule(
        "OG104",
        "op-type-missing",
        Severity.ERROR,
        "A node does not say which operator it is.",
        "Without an op_type there is nothing to compare with a list. A scanner that looks at "
        "present names only lets such a node pass, and a parser may merge a name into it later.",
        "Remove the node or export the model again; no exporter writes such a node.",
    ),
    Rule(
        "OG105",
        "op-type-characters",
        Severity.ERROR,
        "An operator or domain name holds characters that no real one has.",
        "A NUL byte ends a C string, so 'Conv' followed by NUL and more equals 'Conv' for one "
        "program and not for another. Control characters rewrite logs; letters from other "
        "alphabets look like Latin ones to a reviewer. A colon in the name makes 'local::Gelu' of "
        "the default domain look like Gelu of the domain local, in a report as in a waiver.",
        "Treat the file as tampered with until its origin is known. A custom operator is to be "
        "renamed to ASCII letters, digits and underscores.",
    ),
    Rule(
        "OG106",
        "op-type-length",
        Severity.ERROR,
        "An operator's name is longer than the allowlist permits.",
        "Loaders copy the name into buffers of a fixed size, and one that cuts it compares "
        "another name than the one in the file.",
        "Shorten the custom operator's name. If the file came from elsewhere, find out who wrote "
        "it: no standard operator comes near the limit.",
    ),
    Rule(
        "OG111",
        "attribute-type-disagrees",
        Severity.ERROR,
        "An attribute's declared type is not the field that it fills, or a default is a reference.",
        "A reader that trusts the declaration sees an integer; one that looks at the fields finds "
        "a whole graph with operators of its own. Everything that is filled was scanned, but the "
        "attribute means different things to different programs. So does a default of a function's "
        "attribute that refers to another one: ONNX Runtime runs it as a zero.",
        "Export the model again. Such an attribute comes from a broken tool or is there to hide "
        "something.",
    ),
    Rule(
        "OG112",
        "attribute-given-twice",
        Severity.ERROR,
        "A node gives, or a function declares, one attribute more than once.",
        "Some runtimes take the first, some the last, so that a review of either says nothing "
        "about the other.",
        "Keep the one that is meant and delete the rest.",
    ),
)
