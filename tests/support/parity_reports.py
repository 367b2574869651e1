"""Parity reports built by hand, one of each kind of thing that a reporter must show."""

from __future__ import annotations

import math

from onnxguard.base.findings import Finding, Place
from onnxguard.catalogue import PARITY_RULES
from onnxguard.parity.report import (
    Identity,
    NodeCheck,
    NodePass,
    Outcome,
    ParityReport,
    ParityVerdict,
    Picture,
    Proof,
    Referee,
    Survivor,
    Trial,
    unusable,
)
from onnxguard.running.difference import Difference
from support.sample_runs import HOSTILE

SIZE = 500_056


def sha(digit: str) -> str:
    """A digest that is easy to tell from others."""
    return digit * 64


def found(code: str, message: str, *routes: str, times: int = 1, operator: str = "") -> Finding:
    """A finding as a check makes it."""
    rule = PARITY_RULES[code]
    places = tuple(Place(route, 0, SIZE) for route in routes or ("model",))
    count = max(times, len(places))
    return Finding(code, rule.severity, message, places, count, rule.fix, operator)


IDENTITY = Identity(
    model_sha256=sha("a"),
    model_bytes=SIZE,
    external=(),
    reference="student:saliency-v2",
    reference_sha256="",
    weights="trained/saliency-v2.safetensors",
    weights_sha256=sha("b"),
    inputs=(),
    opset=17,
    ir_version=8,
    producer="pytorch 2.13.0",
    provider="cpu",
    providers=("CPUExecutionProvider",),
    optimization_level="all",
    placement=(),
    versions=(
        ("onnxguard", "1.2.3"),
        ("torch", "2.13.0+cpu"),
        ("onnxruntime", "1.31.1"),
        ("onnx", "1.23.2"),
        ("numpy", "2.4.6"),
    ),
    platform="Linux x86_64, Python 3.11.7",
)

CLOSE = Difference(
    "saliency_map",
    "float32",
    (1, 1, 64, 96),
    1e-5,
    largest=4.172325134277344e-07,
    index=(0, 0, 37, 64),
    expected="0.48803705",
    actual="0.48803747",
    elements=6144,
    percentiles=((50.0, 5.960464e-08), (90.0, 1.192093e-07), (99.0, 2.4e-07), (99.9, 3.3e-07)),
    ulps=23,
    decades=((-9, 1), (-8, 3239), (-7, 1375)),
    exact=1529,
)
LARGE = CLOSE._replace(
    largest=3.4e-06,
    index=(0, 0, 4, 62),
    expected="0.2872667",
    actual="0.2872633",
    percentiles=((50.0, 6e-08), (90.0, 9e-07), (99.0, 1.5e-06), (99.9, 3e-06)),
    ulps=835_183_136,
    decades=((-11, 1), (-8, 2000), (-7, 3000), (-6, 143)),
    exact=1000,
)
FAR = CLOSE._replace(
    problem="OP201",
    message="saliency_map differs by 0.00162 at [0, 0, 87, 110]: 0.5073251 instead of 0.50570697",
    largest=0.0016181468963623047,
    index=(0, 0, 87, 110),
    expected="0.50570697",
    actual="0.5073251",
    over=4612,
    percentiles=((50.0, 2.4e-05), (90.0, 7e-05), (99.0, 0.00085), (99.9, 0.0012)),
    ulps=846_505_646,
    decades=((-8, 16), (-7, 152), (-6, 1319), (-5, 4423), (-4, 188), (-3, 1)),
    exact=45,
)
NOISE = Referee("saliency_map", 3.6e-07, 4.1e-07)
WRONG = Referee("saliency_map", 2.3e-06, 0.0016181)


def trial(
    profile: str, height: int, *differences: Difference, refereed: Referee | None = None
) -> Trial:
    """A trial in which both sides answered."""
    return Trial(
        profile,
        0,
        (("input", (1, 3, height, 96)),),
        sha("c"),
        Outcome.COMPARED,
        differences=differences,
        referees=(refereed,) if refereed else (),
    )


def refused(outcome: Outcome, model: str, reference: str, *shape: int) -> Trial:
    """A trial that one side or both refused."""
    return Trial("noise", 0, (("input", shape),), sha("d"), outcome, model, reference)


CHECK = NodeCheck(
    "/enc2a/enc2a.0/Conv",
    "Conv",
    "enc2a.1",
    ("/enc2a/enc2a.0/Conv",),
    CLOSE._replace(
        output="/enc2a/enc2a.0/Conv_output_0", largest=8.7e-06, tolerance=1.536219315312337e-05
    ),
)
WRONG_CONV = NodeCheck(
    "/enc3b/enc3b.0/Conv",
    "Conv",
    "enc3b.1",
    ("/enc3b/enc3b.0/Conv",),
    FAR._replace(
        output="/enc3b/enc3b.0/Conv_output_0",
        largest=0.009285449981689453,
        message="/enc3b/enc3b.0/Conv_output_0 differs by 0.00929 at [0, 33, 3, 17]: -6.15 "
        "instead of -6.16",
    ),
)
WRONG_ADD = NodeCheck(
    "node 12 (Add)",
    "Add",
    "head",
    ("node 10 (Mul)", "node 11 (Sub)", "node 12 (Add)"),
    FAR._replace(
        output="add", largest=0.5, message="add differs by 0.5 at [0]: 1.5 instead of 1.0"
    ),
)
NODES = NodePass(ran=True, nodes=34, checked=34, worst=CHECK)

PASSING = ParityReport(
    "models/saliency v2.onnx",
    "student:saliency-v2",
    1e-5,
    ParityVerdict.PASS,
    (),
    IDENTITY,
    (
        trial("noise", 64, CLOSE, refereed=NOISE),
        trial("image", 64, CLOSE),
        trial("large", 64, LARGE, refereed=Referee("saliency_map", 2e-06, 2.1e-06)),
    ),
    NODES,
    pictures=(Picture("saliency_map", "model", b"\x89PNG", 0.0, 1.0),),
    seconds=1.8262814520003303,
)

FAILING = PASSING._replace(
    path="models/scaled.onnx",
    verdict=ParityVerdict.FAIL,
    findings=(
        found(
            "OP201",
            f"{FAR.message} (large inputs, input 1x3x96x128; 2 of 3 trials)",
            "saliency_map",
        ),
        found("OP401", f"Conv alone: {WRONG_CONV.difference.message}", WRONG_CONV.node),
        found("OP109", "the reference changes its input input", "input"),
    ),
    trials=(
        trial("noise", 64, CLOSE, refereed=NOISE),
        trial("image", 64, FAR._replace(largest=0.0003)),
        trial("large", 64, FAR, refereed=WRONG),
    ),
    nodes=NODES._replace(worst=WRONG_CONV, wrong=(WRONG_CONV,)),
)

SUSPECTS = PASSING._replace(
    path="models/hidden.onnx",
    verdict=ParityVerdict.FAIL,
    findings=tuple(
        found("OP401", f"{check.operator} alone: {check.difference.message}", check.node)
        for check in (WRONG_CONV, WRONG_ADD)
    ),
    nodes=NodePass(
        ran=True,
        nodes=34,
        checked=29,
        covered=3,
        unchecked=("/up1/Resize", "/up2/Resize"),
        worst=WRONG_ADD,
        wrong=(WRONG_CONV, WRONG_ADD),
    ),
    remarks=("2 nodes have no counterpart: /up1/Resize, /up2/Resize",),
)

VACUOUS = PASSING._replace(
    path="models/saturated.onnx",
    verdict=ParityVerdict.VACUOUS,
    findings=(
        found("OP304", "saliency_map is at 0 or 1 in 99.9% of its elements", "saliency_map"),
    ),
    trials=(trial("noise", 64, CLOSE._replace(largest=0.0, exact=6144, decades=(), ulps=0)),),
)

UNLOADED = unusable(
    "models/lost.onnx",
    "nowhere:Network",
    1e-5,
    PARITY_RULES["OP001"],
    "nowhere:Network: there is no module nowhere",
)

PROVED = PASSING._replace(
    path="models/proved.onnx",
    proof=Proof(
        mutants=60,
        killed=58,
        required=0.9,
        kinds=(("bias moved by 1e-4 to 1e-2", 30, 30), ("weight rounded to float16", 30, 28)),
        survivors=(
            Survivor("weight rounded to float16", "/enc1a/enc1a.0/Conv"),
            Survivor("weight rounded to float16", "/head/Conv"),
        ),
    ),
    identity=IDENTITY._replace(
        external=(("weights.bin", sha("e")),),
        inputs=(("inputs/cat.npz", sha("f")),),
        provider="cuda",
        providers=("CUDAExecutionProvider", "CPUExecutionProvider"),
        placement=(("CUDAExecutionProvider", 30), ("CPUExecutionProvider", 4)),
    ),
    trials=(trial("inputs/cat.npz", 64, CLOSE, refereed=NOISE)._replace(seed=-1),),
)

UNPROVED = PASSING._replace(
    path="models/unproved.onnx",
    verdict=ParityVerdict.FAIL,
    findings=(found("OP501", "30 of 60 damaged graphs were noticed (50.0%), fewer than 90%"),),
    proof=Proof(
        60,
        30,
        0.9,
        (("kernel flipped", 60, 30),),
        tuple(Survivor("kernel flipped", f"node {n} (Conv)") for n in range(30)),
    ),
)

ONE_REFUSES = PASSING._replace(
    path="models/batch.onnx",
    verdict=ParityVerdict.FAIL,
    findings=(
        found(
            "OP207", "the graph refuses what the reference takes: input 2x3x64x96: Got: 2", times=2
        ),
    ),
    trials=(
        trial("noise", 64, CLOSE),
        refused(Outcome.MODEL_REFUSED, "Got: 2 Expected: 1", "", 2, 3, 64, 96),
        refused(Outcome.MODEL_REFUSED, "Got: 2 Expected: 1", "", 2, 3, 64, 96),
        refused(Outcome.REFERENCE_REFUSED, "", "Sizes must match", 1, 3, 1, 1),
    ),
)

BOTH_REFUSE = PASSING._replace(
    path="models/odd.onnx",
    verdict=ParityVerdict.VACUOUS,
    findings=(found("OP301", "no trial was compared"),),
    trials=(
        refused(Outcome.BOTH_REFUSED, "Axis 2: 25 and 24", "Sizes must match", 1, 3, 100, 100),
    ),
    nodes=NodePass(ran=False, reason="nothing was compared"),
    remarks=(
        "both sides refuse input 1x3x100x100",
        "no node was run alone: nothing was compared",
    ),
)

NOT_FINITE = PASSING._replace(
    path="models/nan.onnx",
    verdict=ParityVerdict.FAIL,
    findings=(
        found("OP205", "saliency_map is NaN or infinite in 7 elements (...)", "saliency_map"),
    ),
    trials=(
        trial(
            "large",
            64,
            CLOSE._replace(
                problem="OP205",
                message="saliency_map is NaN or infinite in 7 elements",
                largest=math.inf,
                expected="nan",
                actual="-inf",
                over=7,
                percentiles=(),
                decades=(),
                ulps=0,
                exact=0,
            ),
            refereed=Referee("saliency_map", math.nan, -math.inf),
        ),
    ),
)

NASTY = ParityReport(
    f"models/{HOSTILE}.onnx",
    f"module:{HOSTILE}",
    1e-5,
    ParityVerdict.FAIL,
    (
        found("OP201", f"{HOSTILE} differs by 1", HOSTILE),
        found("OP401", f"{HOSTILE} alone: differs", *(f"{HOSTILE} {n}" for n in range(7))),
        *(found("OP303", f"{HOSTILE} {n} hardly varies", HOSTILE) for n in range(7)),
    ),
    IDENTITY._replace(
        reference=HOSTILE,
        weights=HOSTILE,
        producer=HOSTILE,
        external=((HOSTILE, sha("e")),),
        inputs=((HOSTILE, sha("f")),),
        placement=((HOSTILE, 1),),
        versions=((HOSTILE, HOSTILE),),
        platform=HOSTILE,
    ),
    (
        *(
            Trial(
                HOSTILE,
                number,
                ((HOSTILE, (1,)), ("scale", ())),
                sha("c"),
                Outcome.COMPARED,
                differences=(
                    FAR._replace(output=HOSTILE, message=HOSTILE, expected=HOSTILE, actual=HOSTILE),
                    CLOSE._replace(output="second"),
                ),
                referees=(Referee(HOSTILE, 1e-6, 1e-5),),
            )
            for number in range(25)
        ),
        Trial(HOSTILE, 0, ((HOSTILE, (2,)),), sha("d"), Outcome.BOTH_REFUSED, HOSTILE, HOSTILE),
    ),
    NodePass(
        ran=True,
        nodes=90,
        checked=25,
        unchecked=(HOSTILE,) * 65,
        worst=WRONG_CONV._replace(node=HOSTILE),
        wrong=(NodeCheck(HOSTILE, HOSTILE, HOSTILE, (f"{HOSTILE} 2", HOSTILE), FAR),) * 25,
    ),
    Proof(1, 0, 0.9, ((HOSTILE, 1, 0),), (Survivor(HOSTILE, HOSTILE),)),
    (HOSTILE,),
    (Picture(HOSTILE, "model", b"\x89PNG", 0.0, 1.0),),
    2.5,
)

ALL = (
    PASSING,
    FAILING,
    SUSPECTS,
    VACUOUS,
    UNLOADED,
    PROVED,
    UNPROVED,
    ONE_REFUSES,
    BOTH_REFUSE,
    NOT_FINITE,
    NASTY,
)
NOTHING: tuple[ParityReport, ...] = ()
