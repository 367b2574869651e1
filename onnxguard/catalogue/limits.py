"""OG2xx: how much work the graph can ask for."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

BOUNDS = (
    Rule(
        "OG201",
        "model-too-large",
        Severity.ERROR,
        "The file is larger than the allowlist permits.",
        "The loader that the list stands for refuses such a file, and a repository of small models "
        "has no use for it. Size is also the cheapest way to exhaust a machine.",
        "Prune or quantise the model, drop data that inference does not need, or raise "
        "the limit in a list that fits the target.",
    ),
    Rule(
        "OG202",
        "too-many-nodes",
        Severity.ERROR,
        "The graph has more nodes than the allowlist permits.",
        "Load time and memory grow with nodes, for graph optimisers often faster than in "
        "proportion. A count far above the architecture's is an unrolled loop or a failed export.",
        "Export with loops kept or constants folded, and simplify the graph.",
    ),
    Rule(
        "OG203",
        "nested-too-deep",
        Severity.ERROR,
        "Graphs are nested deeper than the allowlist permits.",
        "Loaders and optimisers recurse into the bodies of If, Loop and functions; depth costs "
        "stack, and a deep enough file ends the process.",
        "Flatten the control flow in the source model. Depth counts through function calls.",
    ),
    Rule(
        "OG204",
        "too-many-loops",
        Severity.ERROR,
        "The model has more Loop nodes than the allowlist permits.",
        "Each Loop multiplies the work of the nodes in it. A Loop in a function counts once for "
        "every call, since that is how often a runtime that inlines will hold it.",
        "Unroll short loops on export, or merge loops that run over the same range.",
    ),
    Rule(
        "OG205",
        "loop-trip-count",
        Severity.ERROR,
        "A Loop's trip count is negative or above the allowlist's limit.",
        "The count is a number in a file: one changed byte turns eight rounds into nine "
        "quintillion, and the model never answers.",
        "Export with the real bound. A negative count has no meaning.",
        unsafe=True,
    ),
    Rule(
        "OG206",
        "loop-unbounded",
        Severity.ERROR,
        "A Loop has no trip count that can be read from the file.",
        "An omitted count, one that is computed from the input, or one that is given twice with "
        "different values leaves the number of rounds to the data, and the running time with it.",
        "Give the trip count as a constant int64, by one initializer or one Constant node, and use "
        "the condition to stop earlier. Where the data must decide, a waiver in the list admits "
        "the Loop for one model, and a list without limits.loop_trip_count admits any.",
    ),
    Rule(
        "OG207",
        "loop-trip-product",
        Severity.ERROR,
        "Nested Loops together run more rounds than the allowlist permits.",
        "Trip counts multiply: four nested Loops of 1,024 rounds are each within a common limit "
        "and together run over a trillion times.",
        "Lower the counts, take the inner work out of the Loop, or use a tensor operator.",
        unsafe=True,
    ),
    Rule(
        "OG208",
        "function-expansion",
        Severity.ERROR,
        "The model has too many nodes once its function calls are inlined.",
        "A function that calls another one twice, thirty levels down, is a few hundred bytes in "
        "the file and a billion nodes in a runtime that inlines. The number is computed here "
        "without expanding anything.",
        "Export with functions inlined to see the real graph, and share subgraphs that are equal.",
    ),
    Rule(
        "OG209",
        "multiply-accumulates",
        Severity.ERROR,
        "One run of the model takes more multiply-accumulates than the allowlist permits.",
        "A list of operators says what may run and not how much of it: a large input or wide "
        "layers make any list of operators slow. Counted are convolutions, matrix products, "
        "attention and recurrent layers, for the sizes that the report names; where a size is not "
        "known it counts as 1, and the number is a bound from below.",
        "Run the model on smaller inputs (--shape says for which sizes to count), or make its "
        "layers narrower.",
    ),
    Rule(
        "OG210",
        "activation-memory",
        Severity.ERROR,
        "While the model runs, more memory is in use at once than the allowlist permits.",
        "A few hundred bytes of nodes can ask for tensors that no machine holds: a chain of "
        "allowed operators doubles what it gets at each step. The peak is that of the tensors that "
        "are alive at once, nodes in the order of the file, weights left out; what a runtime needs "
        "besides comes on top.",
        "Find the largest tensors in the report (--verbose, or --format html), and run the model "
        "on smaller inputs or in tiles.",
    ),
    Rule(
        "OG211",
        "largest-tensor",
        Severity.ERROR,
        "A tensor that runs through the model is larger than the allowlist permits.",
        "One tensor has to lie in memory in one piece, and many devices have a bound for that well "
        "below their memory.",
        "Look at the node that makes it: run the model on smaller inputs, or split the tensor.",
    ),
)
