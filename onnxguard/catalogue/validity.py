"""OG150 to OG168: whether the graph is what ONNX calls valid."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

VALIDITY = (
    Rule(
        "OG150",
        "input-undefined",
        Severity.ERROR,
        "A node reads a value that nothing gives.",
        "A value is an input of the graph, an initializer, a node's output, or stands in a graph "
        "around this one. A function's body sees its own inputs alone. No runtime loads a graph "
        "that reads anything else.",
        "Correct the name, or add the node or the initializer that was lost.",
    ),
    Rule(
        "OG151",
        "output-undefined",
        Severity.ERROR,
        "A graph or a function declares an output that nothing in it gives.",
        "The caller waits for a value that is never computed. Runtimes refuse to load the graph.",
        "Correct the name of the output, or add the node that gives it.",
    ),
    Rule(
        "OG152",
        "value-defined-twice",
        Severity.ERROR,
        "One name is given by two inputs, initializers or nodes of a graph.",
        "ONNX graphs are in single static assignment form. Where a name has two values, runtimes "
        "refuse the graph, or take the first or the last: of two initializers of one name ONNX "
        "Runtime takes the last. An input that has an initializer as its default is no double.",
        "Keep the one that is meant; rename or delete the other.",
    ),
    Rule(
        "OG153",
        "graph-cycle",
        Severity.ERROR,
        "Nodes read each other's outputs in a circle.",
        "No order exists in which they could run. What a node's own graphs read from around it "
        "counts as read by the node.",
        "Break the circle; a value that is carried from round to round belongs in a Loop or a "
        "Scan.",
    ),
    Rule(
        "OG154",
        "node-order",
        Severity.WARNING,
        "A node stands before the one whose output it reads.",
        "ONNX wants nodes sorted. Many runtimes sort a graph themselves, but not a function's "
        "body, where this is an error; ONNX's checker and runtimes that do not sort refuse it.",
        "Sort the nodes topologically, and save the model again.",
    ),
    Rule(
        "OG155",
        "name-shadowed",
        Severity.ERROR,
        "A graph inside a node gives a name that a value around it has already.",
        "ONNX forbids it, since programs differ in which of the two a reader of the name gets: "
        "one model gave 35 in ONNX Runtime and 31 in ONNX's reference.",
        "Rename the value inside.",
    ),
    Rule(
        "OG156",
        "outer-value-as-output",
        Severity.ERROR,
        "A graph inside a node declares a value from around it as its output.",
        "A body's outputs must be values of the body: its inputs, initializers or nodes' outputs. "
        "Runtimes refuse to load the model.",
        "Pass the value through an Identity inside the body.",
    ),
    Rule(
        "OG157",
        "node-name-twice",
        Severity.ERROR,
        "Two nodes of one graph have the same name.",
        "ONNX Runtime refuses the model, unless they are Constant nodes. Reports, profiles and "
        "quantisation tables that go by a node's name speak of the wrong node.",
        "Give every node a name of its own, or none.",
    ),
    Rule(
        "OG158",
        "operator-inputs",
        Severity.ERROR,
        "A node has fewer or more inputs than its operator takes, or leaves out one that it needs.",
        "ONNX's schema of the operator, at the opset that the model imports, says which inputs "
        "there are and which may be left out. Runtimes refuse anything else.",
        "Give the missing input, or remove what the operator does not take; at another opset "
        "the operator may have other inputs.",
    ),
    Rule(
        "OG159",
        "operator-outputs",
        Severity.ERROR,
        "A node has fewer or more outputs than its operator gives, or leaves out one that it must.",
        "ONNX's schema of the operator, at the opset that the model imports, says which outputs "
        "there are and which may be left out. Runtimes refuse anything else.",
        "Name the outputs that the operator has at this opset, in their order.",
    ),
    Rule(
        "OG160",
        "attribute-unknown",
        Severity.ERROR,
        "A node gives an attribute that its operator does not have, or not beside another one.",
        "Whoever wrote it meant something by it, and no runtime does it: most refuse the node, "
        "others ignore the attribute. Often an attribute became an input at a newer opset.",
        "Export at the opset that has the attribute, or write what it meant in another way.",
    ),
    Rule(
        "OG161",
        "attribute-missing",
        Severity.ERROR,
        "A node lacks an attribute that its operator requires.",
        "There is no default to fall back on, so that the node says only half of what it is to do. "
        "Runtimes refuse it.",
        "Give the attribute.",
    ),
    Rule(
        "OG162",
        "attribute-type",
        Severity.ERROR,
        "An attribute is of another type than its operator declares.",
        "An integer where a list or a float belongs is refused by most runtimes, and read as "
        "nothing or as zero by others.",
        "Write the attribute in the type of the operator's schema.",
    ),
    Rule(
        "OG163",
        "operator-undefined",
        Severity.ERROR,
        "The operator does not exist at the opset that the model imports.",
        "It is younger than the opset, or no opset ever had it. A runtime refuses it or takes "
        "something else for it. An operator that ONNX Runtime alone adds to ONNX's own domain is "
        "a warning: no other runtime has it.",
        "Import the opset that brought the operator, or export without it.",
    ),
    Rule(
        "OG164",
        "operator-deprecated",
        Severity.ERROR,
        "The operator was removed from ONNX at or before the opset that the model imports.",
        "What replaced it may mean something else, so that no program can know what is wanted. "
        "Runtimes refuse it at this opset.",
        "Use the operator that replaced it, or import an opset that still has it.",
    ),
    Rule(
        "OG165",
        "initializer-not-input",
        Severity.ERROR,
        "An initializer is not an input of its graph, which it must be before IR version 4.",
        "ONNX's checker and the readers of that time refuse the model. Later ones load it, so "
        "that it works until somebody checks it.",
        "Declare IR version 4 or later.",
    ),
    Rule(
        "OG166",
        "body-signature",
        Severity.ERROR,
        "A graph that a node runs has other inputs or outputs than the node gives it and takes.",
        "The branches of an If have no inputs and the outputs of the node; the body of a Loop has "
        "a counter, a condition and every carried value; that of a Scan all of its inputs. "
        "Runtimes refuse anything else.",
        "Make the node and its graph agree; an input that has an initializer does not count.",
    ),
    Rule(
        "OG167",
        "domain-spelled-out",
        Severity.ERROR,
        'A function or a graph inside a node spells the default domain "ai.onnx".',
        "ONNX calls the empty name and ai.onnx one domain, and in the main graph runtimes read "
        "either. Inside functions and bodies ONNX's checker and ONNX Runtime know the empty name "
        "alone, and refuse the model when it is loaded.",
        "Leave the domain of these nodes, and of the function's import, empty.",
    ),
    Rule(
        "OG168",
        "function-output-name",
        Severity.ERROR,
        "A function has an input without a name, an output twice, or an input for an output.",
        "ONNX Runtime makes a schema of every function, called or not, in which each input and "
        "output has a name of its own: it refuses the model. ONNX's checker refuses the first.",
        "Pass the value through an Identity, whose output has a name of its own; name every input.",
    ),
)
