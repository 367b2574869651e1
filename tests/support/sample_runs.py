"""Runs built by hand, one of each kind of thing that a reporter must show."""

from __future__ import annotations

from onnxguard.base.findings import Finding, Place, Severity
from onnxguard.model.facts import (
    ConstantNode,
    Cost,
    ExternalData,
    Facts,
    Function,
    LargestTensor,
    Loop,
    NodeCost,
    OperatorCost,
    OperatorUse,
    OpsetImport,
    UnknownOperator,
    Value,
)
from onnxguard.scanning.report import Origin, Report, Run, Setting, Verdict

HOSTILE = (
    "::error::<script>|x|`y```z ]]> {0} [a](http://e.example) @me #1 *b* _c_ \"q\" 'r' % , ##[x]"
    r" \x1b[31m\u202e \\"
)
"""What a hostile name is after ``printable``: no control character, everything else."""

EMPTY_FACTS = Facts(
    size=0,
    ir_version=None,
    model_version=0,
    producer="",
    producer_version="",
    graph_name="",
    opset_imports=(),
    operators=(),
    constants=(),
    inputs=(),
    outputs=(),
    functions=(),
    initializers=0,
    initializer_bytes={},
    external_data=(),
    loops=(),
    nodes=0,
    expanded_nodes=0,
    expanded_loops=0,
    graphs=1,
    depth=0,
    training_graphs=0,
    metadata=(),
)


def at(index: int, name: str = "") -> Place:
    """The place of a node of the main graph, fifty bytes long."""
    shown = f' "{name}"' if name else ""
    return Place(f"graph/node {index}{shown}", 1000 + 100 * index, 1050 + 100 * index)


def use(op_type: str, count: int, domain: str = "ai.onnx", overload: str = "") -> OperatorUse:
    return OperatorUse(domain, op_type, overload, count, at(0))


STUDENT_FACTS = EMPTY_FACTS._replace(
    size=501_340,
    ir_version=8,
    producer="pytorch",
    producer_version="2.11.0",
    graph_name="main_graph",
    opset_imports=(OpsetImport("ai.onnx", 17),),
    operators=(
        use("Concat", 3),
        use("Constant", 3),
        use("Conv", 14),
        use("MaxPool", 3),
        use("Relu", 10),
        use("Resize", 3),
        use("Sigmoid", 1),
    ),
    constants=tuple(
        ConstantNode(
            at(17 + 6 * step, f"/up{3 - step}/Constant"),
            f"/up{3 - step}/Constant_output_0",
            "float32",
            (4,),
            16,
            "[1, 1, 2, 2]",
            (f"Resize_{18 + 6 * step}",),
        )
        for step in range(3)
    ),
    inputs=(Value("input", "tensor", "float32", (1, 3, "height", "width")),),
    outputs=(Value("saliency_map", "tensor", "float32", (1, 1, None, None)),),
    initializers=45,
    initializer_bytes={"float32": 494_884},
    nodes=37,
    expanded_nodes=37,
    expanded_loops=0,
    cost=Cost(
        inputs=(("input", "float32[1,3,256,256]"),),
        outputs=(("saliency_map", "float32[1,1,256,256]"),),
        exact=True,
        macs_exact=True,
        macs=1_097_596_928,
        operators=(OperatorCost("Conv", 14, 1_097_596_928),),
        nodes=(
            NodeCost(2, "Conv", "/enc1b/Conv", "float32[1,16,256,256]", 150_994_944, 4_194_304),
            NodeCost(0, "Conv", "", "float32[1,16,256,256]", 28_311_552, 4_194_304),
        ),
        weight_bytes=493_748,
        activation_bytes=12_582_912,
        largest_tensor=LargestTensor("/Concat_2_output_0", "float32[1,24,256,256]", 6_291_456),
        unknown_nodes=0,
        without_rule=(),
    ),
)

RESIZE = Finding(
    "OG101",
    Severity.ERROR,
    "Resize is not on the allowlist pre-adr-0258",
    (at(18, "/up3/Resize"), at(24, "/up2/Resize"), at(30, "/up1/Resize")),
    count=3,
    hint="ADR-0258 admits it (2026-05-03): use the allowlist adr-0258 if the runtime is of that "
    "date, or export without it",
    operator="Resize",
    adr="ADR-0258",
)

STUDENT = Report(
    "models/student v2.onnx", "pre-adr-0258", Verdict.FAIL, (RESIZE,), STUDENT_FACTS, 0.0021
)

CLEAN = Report(
    "models/tiny.onnx",
    "pre-adr-0258",
    Verdict.PASS,
    (),
    EMPTY_FACTS._replace(
        size=920,
        ir_version=10,
        opset_imports=(OpsetImport("ai.onnx", 17), OpsetImport("ai.onnx.ml", 3)),
        operators=(use("Gemm", 2), use("Relu", 1)),
        nodes=3,
        expanded_nodes=3,
        expanded_loops=0,
    ),
    0.0004,
)

WARNED = CLEAN._replace(
    path="models/cubic.onnx",
    findings=(
        Finding(
            "OG107",
            Severity.WARNING,
            'Resize: mode is "cubic", not one of nearest, linear',
            (at(2),),
            hint="export with a mode that was exercised",
            operator="Gemm",
            adr="ADR-0258",
        ),
        Finding("OG110", Severity.NOTE, "the dtype of Relu is not declared", (at(3),)),
    ),
)

WAIVED = CLEAN._replace(
    path="models/waived.onnx",
    findings=(RESIZE._replace(waiver="moves to adr-0258 with the next release"),),
)

UNVERIFIED = Report(
    "models/pointer.onnx",
    "pre-adr-0258",
    Verdict.ERROR,
    (
        Finding(
            "OG002",
            Severity.ERROR,
            "a Git LFS pointer, not the model",
            (Place("model", 0, 133),),
            hint="run git lfs pull",
        ),
    ),
    None,
    0.0001,
)

NASTY = Report(
    f"models/{HOSTILE}.onnx",
    "pre-adr-0258",
    Verdict.FAIL,
    (
        Finding(
            "OG101",
            Severity.ERROR,
            f"evil::{HOSTILE} is not on the allowlist pre-adr-0258",
            tuple(Place(f'graph/node {n} "{HOSTILE}"', n, n + 9) for n in range(7)),
            count=12_345,
            hint=f"remove {HOSTILE}",
            operator=f"evil::{HOSTILE}",
            adr="ADR-0039",
        ),
        Finding(
            "OG601", Severity.ERROR, "field 99 is unknown", (Place("model", 0, 3 << 30),), count=2
        ),
        Finding("OG702", Severity.ERROR, HOSTILE, (at(1),), waiver=f"because {HOSTILE}"),
    ),
    EMPTY_FACTS._replace(
        size=3 << 30,
        producer=HOSTILE,
        graph_name=HOSTILE,
        opset_imports=(OpsetImport(HOSTILE, 1),),
        operators=(use(HOSTILE, 12_345, "evil"), use("Block", 2, "local", "fp16")),
        constants=tuple(
            ConstantNode(at(n, HOSTILE), HOSTILE, "string", (), n, HOSTILE, (HOSTILE,) * n)
            for n in range(25)
        ),
        inputs=(Value(HOSTILE, "sequence", "float32", None),),
        outputs=(Value(HOSTILE, "tensor", "dtype 99", ()),),
        functions=(Function("local", HOSTILE, "fp16", 2, 1, 3, 2, (), at(0)),),
        initializers=1,
        initializer_bytes={"int64": 5},
        external_data=(
            ExternalData(HOSTILE, HOSTILE, 4096, 12, at(0)),
            ExternalData("w", "w.bin", None, None, at(0)),
        ),
        loops=(
            Loop(at(4), 12, "initializer", 1440),
            Loop(at(5), None, "graph input", None),
        ),
        nodes=12_347,
        expanded_nodes=(1 << 63) - 1,
        expanded_loops=0,
        graphs=3,
        depth=1,
        training_graphs=1,
        metadata=((HOSTILE, HOSTILE), ("license", "")),
        cost=Cost(
            inputs=((HOSTILE, "?[...]"),) * 6,
            outputs=(),
            exact=False,
            macs_exact=False,
            macs=(1 << 63) - 1,
            operators=(OperatorCost(HOSTILE, 2, (1 << 63) - 1),),
            nodes=(NodeCost(7, HOSTILE, HOSTILE, f"float32[{HOSTILE}]", 12, 0),),
            weight_bytes=0,
            activation_bytes=3 << 40,
            largest_tensor=LargestTensor(HOSTILE, f"float32[{HOSTILE}]", 12),
            unknown_nodes=1,
            without_rule=(UnknownOperator(HOSTILE, 1),) * 7,
        ),
    ),
    1.5,
)

ORIGIN = Origin(
    ("onnxguard", "scan", "models", "--exit-zero"),
    "2026-11-30T06:30:00Z",
    (("adr-0258", "0e" * 32),),
    (
        Setting("--select", "OG1, OG2", "../pyproject.toml", narrows=True),
        Setting("--exit-zero", "", "the command line", narrows=True),
        Setting("--allowlist", "mine.yaml", "../pyproject.toml", narrows=False),
    ),
    not_entered=("models/.git", "models/link"),
)
SINGLE = Run((STUDENT._replace(sha256="1a" * 32, judged_sha256="2b" * 32),), 0.0131)
MANY = Run((CLEAN, *SINGLE.reports, WARNED, WAIVED, UNVERIFIED, NASTY), 1.504, ORIGIN)
NOTHING = Run(())
