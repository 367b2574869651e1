"""OG505 to OG510 and OG512 to OG515: functions of the model's own."""

from __future__ import annotations

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

FUNCTIONS = (
    Rule(
        "OG505",
        "functions-forbidden",
        Severity.ERROR,
        "The model defines functions of its own, and the allowlist forbids that.",
        "A function gives any body any name. Targets that do not inline functions cannot run the "
        "model at all.",
        "Inline functions on export (onnx.inliner.inline_local_functions).",
    ),
    Rule(
        "OG506",
        "function-shadows-standard",
        Severity.WARNING,
        "A function of the model's own bears the name of a standard operator.",
        "Its domain tells it apart, and its body is judged. A reviewer who reads 'Relu' may still "
        "take it for the real one. PyTorch names the functions that it makes of modules so: "
        "torch.nn.modules.rnn::GRU.",
        "Nothing, where an exporter wrote it; else rename the function, or inline it.",
    ),
    Rule(
        "OG507",
        "function-duplicate",
        Severity.ERROR,
        "Two functions have the same domain, name and overload.",
        "Which body a call runs depends on the order in which a program keeps them. Both bodies "
        "were scanned. ONNX Runtime joins the three by colons, so that l:x with F is l with x:F.",
        "Remove one of them, or give it another name.",
    ),
    Rule(
        "OG508",
        "function-recursive",
        Severity.ERROR,
        "A function calls itself, directly or through others.",
        "ONNX forbids recursion. A runtime that inlines such a function never ends, or fails when "
        "its stack does.",
        "Write the repetition as a Loop with a constant trip count.",
    ),
    Rule(
        "OG509",
        "function-arity",
        Severity.ERROR,
        "A call gives a function more inputs than it declares, or other outputs.",
        "Surplus values are bound to nothing, or to the next name that a program finds, and a "
        "model without one of the outputs does not load. Inputs may be left out from the end.",
        "Make the call match the declaration, and write an omitted output as an empty name.",
    ),
    Rule(
        "OG510",
        "function-opset",
        Severity.ERROR,
        "A function's opset imports give its operators another meaning than the model's.",
        "A function is read by its own imports but inlined into a graph with others. The same "
        "node then means one thing before and another after inlining. Versions that define every "
        "operator of its body alike are no finding.",
        "Import in the function the versions that the model imports.",
    ),
    Rule(
        "OG512",
        "function-of-runtime-domain",
        Severity.ERROR,
        "A function of the model's own stands in a domain that runtimes fill themselves.",
        "A runtime that has an operator of this domain and name runs that one, whatever body the "
        "file shows and whatever overload it names. Which names it has changes from release to "
        "release, so the same file would run the body today and other code tomorrow. Calls are "
        "judged as the operator too.",
        "Put the function in a domain of the project's own, or inline it. A list can admit such "
        "functions with policy.runtime_functions.",
    ),
    Rule(
        "OG513",
        "name-captured",
        Severity.ERROR,
        "A name means another value once the functions are inlined.",
        "ONNX Runtime renames what is inside a function and then looks names up from the inside "
        "out. A trip count of 2 in the file is then 100,000 at run time, because a function holds "
        "a value of that name. Values inside a function that have the name of one of its inputs "
        "become what a call gives for that input.",
        "Rename the value, or inline the functions before the model is scanned.",
    ),
    Rule(
        "OG514",
        "function-takes-graph",
        Severity.ERROR,
        "A function of the model's own is given a graph for an attribute.",
        "No exporter writes this. What the graph's names mean, how often it runs and how often it "
        "is copied follows from the function, and differs among runtimes. Where a list admits it, "
        "trip counts and nodes are multiplied along every call.",
        "Write the graph into the function or inline it. A list can admit such functions with "
        "policy.function_graphs.",
    ),
    Rule(
        "OG515",
        "function-calls-overload",
        Severity.ERROR,
        "The body of a function calls another one by its overload.",
        "ONNX Runtime 1.31 tells overloads apart in graphs. Of the nodes of a function's body it "
        "leaves them away: a call of local::G:two runs local::G, whose body is another, or the "
        "model does not load. A function that seems to call an overload of its own name calls "
        "itself, without end. In a graph inside of that body, such as a branch, the same call runs "
        "what it names.",
        "Give each function a name of its own, or inline them before the model is scanned.",
    ),
)
