"""OPxxx: what a parity check finds."""

from __future__ import annotations

from functools import partial

from onnxguard.base.findings import Severity
from onnxguard.catalogue.rule import Rule

_Vacuous = partial(Rule, vacuous=True)
_Firm = partial(Rule, ignorable=False)

PARITY = (
    _Firm(
        "OP001",
        "reference-unusable",
        Severity.ERROR,
        "The PyTorch side could not be loaded.",
        "Without a reference there is nothing to compare with. A missing callable, an import that "
        "fails or a factory that raises usually means that the check runs in another environment "
        "or folder than the export did.",
        "Name package.module:callable, FILE.pt2 or student:NAME, and run where that can be found. "
        "All of them are code that is run: loading a .pt2 file evaluates expressions in it.",
    ),
    _Firm(
        "OP002",
        "weights-do-not-fit",
        Severity.ERROR,
        "The weights cannot be loaded into the reference.",
        "Weights that are loaded in part leave the rest at random, and a difference would then "
        "say nothing about the export. A checkpoint of pickled objects is refused because loading "
        "it runs what is in it.",
        "Save the state dict of the very network: safetensors, or torch.save(model.state_dict()).",
    ),
    _Firm(
        "OP003",
        "inputs-unusable",
        Severity.ERROR,
        "The given inputs cannot be used.",
        "Inputs are bound by name. A file that lacks one, holds another, or has other dtypes or "
        "ranks than the graph declares is not the input of this graph.",
        "Write a .npz with numpy.savez, one array for each input of the graph, under its name.",
    ),
    _Firm(
        "OP004",
        "provider-inactive",
        Severity.ERROR,
        "The execution provider that was asked for is not active.",
        "ONNX Runtime falls back to the CPU without a word. A report about a GPU that was never "
        "used would be worse than none.",
        "Install the runtime's GPU build with its libraries and a driver, or ask for the CPU.",
    ),
    _Firm(
        "OP005",
        "model-unusable",
        Severity.ERROR,
        "The graph cannot be loaded, or must not be run.",
        "The file is broken, ONNX Runtime refuses it, or its external data lies where a model has "
        "no business to read. Nothing was compared.",
        "Run onnxguard scan on it, and export it again.",
    ),
    _Firm(
        "OP006",
        "time-limit",
        Severity.ERROR,
        "A run took longer than it may.",
        "Neither side may run for ever: a loop without an end looks like one that needs an hour. "
        "Whether the graph agrees is not known.",
        "Allow more with --run-seconds, or name smaller inputs with --shape.",
    ),
    Rule(
        "OP101",
        "opset-not-asked-for",
        Severity.ERROR,
        "The graph is of another opset version than was asked for.",
        "An exporter that cannot write the version that it was asked for may write another one "
        "and only log it. The runtime at the other end then meets operators that nobody reviewed.",
        "Export with an exporter that writes this version, or ask for the one that is meant.",
    ),
    _Firm(
        "OP102",
        "reference-is-the-model",
        Severity.ERROR,
        "The reference is the graph under test, or was rebuilt from it.",
        "A graph agrees with itself whatever is wrong with it: whoever rebuilt the reference "
        "from the export has compared the export with the export.",
        "Compare with the module that was trained and its own checkpoint.",
    ),
    Rule(
        "OP103",
        "output-order",
        Severity.ERROR,
        "The graph gives the reference's outputs in another order.",
        "Who reads outputs by position gets another tensor, and where the shapes agree nothing "
        "complains.",
        "Give output_names in the order in which forward returns them.",
    ),
    Rule(
        "OP104",
        "reference-in-training",
        Severity.ERROR,
        "A module of the reference is in training mode.",
        "Batch norm then uses the batch's statistics and dropout drops at random. A wrapper that "
        "overrides train() can leave what it wraps behind.",
        "Make eval() reach every module.",
    ),
    Rule(
        "OP105",
        "training-node",
        Severity.ERROR,
        "A node of the graph runs in training mode.",
        "A Dropout with training_mode drops at random, a BatchNormalization with it uses the "
        "statistics of the batch at hand: what was compared is not what the next input will get.",
        "Put the module into evaluation mode before the export.",
    ),
    Rule(
        "OP106",
        "reference-reduced-precision",
        Severity.ERROR,
        "The reference computes in less than float32.",
        "Half precision keeps 8 or 11 significant bits. Such a reference is itself hundreds of "
        "tolerances away from the truth, and agreement with it is chance.",
        "Take autocast and .half() out of the module, or compare with its float32 original.",
    ),
    Rule(
        "OP107",
        "reference-not-repeatable",
        Severity.ERROR,
        "The reference answers the same input differently.",
        "Functional dropout, noise or a state that is carried from call to call: no graph can "
        "agree with that, and one that seems to was lucky.",
        "Make forward a function of its inputs; pass training=self.training to functional dropout.",
    ),
    Rule(
        "OP108",
        "model-not-repeatable",
        Severity.ERROR,
        "The graph answers the same input differently.",
        "A random operator, or a kernel that sums in another order each time: what was compared is "
        "not what the next call will give.",
        "Take RandomNormal, RandomUniform, Multinomial, Bernoulli and Dropout out of the graph.",
    ),
    Rule(
        "OP109",
        "reference-changes-input",
        Severity.WARNING,
        "The reference changes its input in place.",
        "Each side here gets a copy of its own. A caller that shares one array between both, as a "
        "test by hand often does, would compare with what the first side left behind.",
        "Replace the in-place operation on the input, such as x += 1 or relu(x, inplace=True).",
    ),
    _Firm(
        "OP110",
        "model-file-changed",
        Severity.ERROR,
        "The file was replaced while it was being checked.",
        "The report is about the bytes that were loaded, whose sha256 it names. What lies on disk "
        "now is another model.",
        "Check it again when nothing writes to it.",
    ),
    _Firm(
        "OP111",
        "provider-unused",
        Severity.ERROR,
        "No node ran on the execution provider that was asked for.",
        "The provider was active, and ONNX Runtime gave it nothing to do: the CPU computed it all.",
        "See which nodes the provider takes, or ask for the CPU.",
    ),
    Rule(
        "OP112",
        "weight-differs",
        Severity.ERROR,
        "A weight of the graph is nearly one of the reference's, or bears its name, and differs.",
        "A row of zeros, a scaled channel, a table that was cut: whether the trials read the place "
        "or not, the graph was not made of this checkpoint. Weights that are transposed, rounded "
        "to another precision or folded with a batch norm are recognised. Integers are named where "
        "most channels are the reference's to half a step, and up to an eighth of them are not, or "
        "where all are off by the same whole steps; weights that were changed on purpose, as by "
        "training with the rounding, are off in more.",
        "Export again from the checkpoint that --weights names; where the exporter changes weights "
        "on purpose, --ignore OP112:NAME.",
    ),
    Rule(
        "OP113",
        "other-weights",
        Severity.ERROR,
        "The graph holds other weights than the reference.",
        "Most of what bears a name of the reference's is not its tensor: another checkpoint, or "
        "none, so that the reference's weights are drawn. Every other finding follows from that.",
        "Load the weights that were exported with --weights FILE.",
    ),
    Rule(
        "OP114",
        "input-lost",
        Severity.ERROR,
        "The graph lacks an input that changes what forward gives.",
        "The exporter took the example's value for a constant: the graph repeats it whatever the "
        "caller has.",
        "Pass the input to the exporter as a tensor, and name it in input_names.",
    ),
    _Firm(
        "OP201",
        "value-differs",
        Severity.ERROR,
        "An output differs from the reference by more than the tolerance.",
        "The largest absolute difference of any element decides: a mean, a quantile or a cosine "
        "hides the one pixel or the one class that is wrong. The report's float64 column tells "
        "whether the reference itself is uncertain by as much.",
        "See which node is named first; --save keeps what is needed to replay it.",
    ),
    _Firm(
        "OP202",
        "output-count",
        Severity.ERROR,
        "The graph has more or fewer outputs than the reference gives.",
        "A comparison that goes pair by pair stops at the shorter side: the outputs that are left "
        "over would simply not be looked at.",
        "Export all that forward returns, and nothing else; or name with --outputs those that are "
        "to be compared, as OUTPUT=TENSOR where the reference calls them otherwise.",
    ),
    _Firm(
        "OP203",
        "output-dtype",
        Severity.ERROR,
        "An output has another dtype than the reference's.",
        "Cast to one dtype before the comparison, a float64 graph would pass for a float32 one, "
        "and an int8 that wrapped around for the number that it was.",
        "Cast in the module, so that both sides have it.",
    ),
    _Firm(
        "OP204",
        "output-shape",
        Severity.ERROR,
        "An output has another shape than the reference's.",
        "NumPy stretches shapes that differ until they fit: [1, 5] and [5, 1] can then agree in "
        "every element, and so can a scalar and a picture.",
        "Look for a size that was baked in at the export.",
    ),
    _Firm(
        "OP205",
        "output-not-finite",
        Severity.ERROR,
        "An output holds NaN or infinity, on one side or on both.",
        "NaN is not greater than any tolerance, and infinity minus infinity is NaN: most checks "
        "let both pass.",
        "Find the first node that makes them; give realistic inputs with --inputs.",
    ),
    _Firm(
        "OP206",
        "discrete-output-differs",
        Severity.ERROR,
        "Integers, booleans or strings differ.",
        "A class, an index or a mask is right or wrong. No tolerance makes sense for them, and one "
        "wrong index is one wrong answer.",
        "Compare the numbers behind them: where two candidates are nearly equal, either may win.",
    ),
    _Firm(
        "OP207",
        "one-side-refuses",
        Severity.ERROR,
        "One side takes inputs that the other refuses.",
        "The graph promises a size that it cannot compute, or the module one that the export "
        "fixed: a dim that was baked in shows at every other size.",
        "Read what the side that refuses says. Declare as dynamic what is, and nothing else, and "
        "name with --shape the sizes that are meant.",
    ),
    _Firm(
        "OP208",
        "rounding-beyond-tolerance",
        Severity.ERROR,
        "An output differs by more than the tolerance, by rounding alone.",
        "Measured against PyTorch in float64, ONNX Runtime is about as near as PyTorch's own "
        "float32, and every node alone agrees: both sides add in another order, and values far "
        "from 1 show it. No export can do better, and the tolerance cannot be kept.",
        "Accept it with --tolerance rounding; or name a tolerance that fits with --atol or --rtol, "
        "for this output alone with --atol OUTPUT=X.",
    ),
    _Firm(
        "OP209",
        "budget-exceeded",
        Severity.ERROR,
        "A copy of lower precision is farther from float32 than its budget allows.",
        "The budgets of --tolerance fp16 or int8 compare a copy with its float32 original: for the "
        "largest and the mean error, cosine, PSNR and the first of the scores. Beyond them more is "
        "lost than such a precision has to cost.",
        "See which nodes are named worst; keep these in float32, or calibrate with inputs like "
        "yours.",
    ),
    _Vacuous(
        "OP301",
        "nothing-compared",
        Severity.ERROR,
        "No trial was compared.",
        "Both sides refused all inputs, so nothing could fail. A suite in which nothing ran is "
        "green for that reason alone.",
        "Give shapes that the network takes with --shape, or inputs with --inputs.",
        ignorable=False,
    ),
    _Vacuous(
        "OP302",
        "output-empty",
        Severity.ERROR,
        "An output has no elements.",
        "There is nothing in it that could differ, and a comparison of no elements passes whatever "
        "the graph computes.",
        "Give inputs for which the output is not empty.",
    ),
    _Vacuous(
        "OP303",
        "output-constant",
        Severity.ERROR,
        "An output hardly varies.",
        "If all that it shows fits into a few tolerances, a wrong graph would pass as well.",
        "Use trained weights and realistic inputs, or export the numbers behind the output. Where "
        "it is small by nature, lower --atol to what it can show.",
    ),
    _Vacuous(
        "OP304",
        "output-saturated",
        Severity.ERROR,
        "An output lies at its extremes almost everywhere.",
        "A saturated sigmoid or softmax maps wrong logits to the right 0 or 1, so that most "
        "mistakes before it do not show.",
        "Compare the logits, or give inputs that do not saturate.",
    ),
    _Vacuous(
        "OP305",
        "output-insensitive",
        Severity.ERROR,
        "An output is the same for every input.",
        "What does not depend on the input was computed at the export; any graph can repeat it.",
        "Look for a value that was frozen at the export, and for weights that are zero.",
    ),
    _Vacuous(
        "OP306",
        "input-ignored",
        Severity.ERROR,
        "An input changes no output.",
        "Where two inputs are mixed up, only one that matters can show it; one that does nothing "
        "may have been cut off by the export.",
        "Remove the input, or give inputs with which it matters.",
    ),
    _Vacuous(
        "OP307",
        "branch-never-taken",
        Severity.ERROR,
        "All inputs took the same side of a branch.",
        "What lies on the other side was not compared. An exporter that traces keeps only the "
        "side that its example took.",
        "Give inputs for the other side with --inputs. If there is none, --ignore OP307.",
    ),
    _Vacuous(
        "OP308",
        "numbers-hidden",
        Severity.ERROR,
        "An output shows decisions whose numbers were not compared.",
        "An argmax or a threshold stays right while the numbers behind it drift away, until the "
        "day when two of them change places.",
        "Export the numbers too, or let the node-local pass look at them (--local).",
    ),
    _Vacuous(
        "OP309",
        "inputs-alike",
        Severity.ERROR,
        "Two inputs had the same values in every trial.",
        "A graph that mixes the two up would give the same answer. Inputs that are drawn here "
        "always differ; those of a file may not.",
        "Give each input values of its own.",
    ),
    _Vacuous(
        "OP310",
        "selection-never-varied",
        Severity.WARNING,
        "A condition was true everywhere in all trials, or false everywhere.",
        "What a Where would have selected on the other side was not compared. A trigger that "
        "ordinary inputs do not pull looks like this, and so does a mask that is full.",
        "Give inputs with which the condition varies.",
    ),
    _Vacuous(
        "OP311",
        "rows-not-read",
        Severity.WARNING,
        "A table was read to less than half, and it is no tensor of the reference.",
        "Rows that no trial reads can hold anything: zeros where a table was cut, another "
        "vocabulary. A table that equals the reference's, as it is or rounded, needs no reading.",
        "Give --values INPUT=0..LAST and more --trials, or the reference whose table it is.",
    ),
    Rule(
        "OP312",
        "input-dropped",
        Severity.WARNING,
        "The graph lacks an input that forward takes.",
        "Exporters drop an input that no output depends on. The module got the array of the file "
        "in every trial, or something like its first input; another value of it changed nothing.",
        "Take the parameter out of forward; or --ignore OP312:NAME.",
    ),
    Rule(
        "OP313",
        "empty-row-differs",
        Severity.WARNING,
        "Where a row of a mask holds nothing, an output differs.",
        "A batch that is filled up has such rows. The constant with which scores are masked, or a "
        "guard against dividing by zero, shows there alone: the graph may give NaN where the "
        "reference gives a number.",
        "Export with the constants and guards of the reference; or --ignore OP313:OUTPUT where "
        "every row holds something.",
    ),
    _Firm(
        "OP401",
        "node-differs",
        Severity.ERROR,
        "A node gives something else than its part of the reference.",
        "Run alone, on the tensors that the reference has at that place. A small error is seen "
        "here before other nodes hide it.",
        "Replay it with what --save keeps: the one-node model, its inputs and both outputs.",
    ),
    Rule(
        "OP402",
        "nodes-not-compared",
        Severity.WARNING,
        "Some nodes were compared neither alone nor together with one that follows.",
        "They cannot be run alone, because they handle sequences or dtypes that Python "
        "cannot hold, or nothing behind them has a counterpart. Only the outputs vouch for them.",
        "Look at the outputs behind them, and give inputs on which they matter.",
    ),
    _Firm(
        "OP501",
        "kill-rate",
        Severity.ERROR,
        "The check let too many damaged graphs pass.",
        "Weights were scaled, channels swapped, nodes removed, and the check still said yes. What "
        "does not notice damage does not notice mistakes either.",
        "Give better inputs or a lower --atol, and leave the node-local pass on.",
    ),
)
