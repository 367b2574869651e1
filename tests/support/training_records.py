"""Cards, evaluations and ablations of each kind that a reporter has to show."""

from __future__ import annotations

from onnxguard.students.history import Epoch
from onnxguard.students.measures import Measures
from onnxguard.students.records import (
    Ablation,
    AblationRun,
    Card,
    DataFacts,
    Evaluation,
    Gate,
    ParityFigures,
)

from support.sample_runs import HOSTILE


def sha(digit: str) -> str:
    return digit * 64


MEASURES = Measures(
    images=200,
    iou=0.74213,
    mae=0.0512,
    max_f=0.83,
    mean_f=0.8011,
    adaptive_f=0.79,
    weighted_f=0.7755,
    s=0.8512,
    max_e=0.92,
    mean_e=0.9,
    adaptive_e=0.91,
)
DATA = DataFacts(
    *("generated", sha("d"), 2000, 1798, 200, 42),
    skipped=(("0007", "no mask"), ("0012", "empty")),
    held_out=("0003", "0004"),
    shared=(("0004", "0121"),),
)
BASELINES = (("all salient", 0.2105), ("centre disc", 0.3312))
RECIPE = (("epochs", "3"), ("batch", "32"), ("learning_rate", "0.001"))
VERSIONS = (("torch", "2.13.0"), ("onnxruntime", "1.31.1"))
HARDWARE = (("device", "cpu"), ("processor", "some CPU"), ("cores", "16"))
GATES = (
    Gate("scan", True, "no findings"),
    Gate("contract", True, "the operators, inputs and outputs of saliency-v2"),
    Gate("parity", True, "the largest difference is 3.6e-07"),
    Gate("iou", True, "0.7421, and 0.3312 of the best trivial answer"),
)
EPOCHS = (
    Epoch(1, 0.9134, 0.5512, 1e-3, 1792, 9.5, 10.25),
    Epoch(2, 0.4481, 0.7422, 7.5e-4, 1792, 9.25, 10.0),
    Epoch(3, 0.3954, 0.7398, 2.5e-4, 1792, 0.0, 70.5),
)
PASSING = Card(
    student="saliency-v2",
    parameters=123_721,
    made="2026-03-01",
    gates=GATES,
    data=DATA,
    recipe=RECIPE,
    epochs=EPOCHS,
    best_epoch=2,
    measures=MEASURES,
    baselines=BASELINES,
    size=501_366,
    sha256=sha("a"),
    weights_sha256=sha("b"),
    opset=17,
    ir_version=8,
    inputs=(("input", "float32", "1x3xHxW"),),
    outputs=(("saliency_map", "float32", "1x1xHxW"),),
    multiple=8,
    operators=(("Conv", 18), ("Resize", 3), ("Constant", 3)),
    constants=(("/up3/Constant_output_0", "float32", "[4]", "[1, 1, 2, 2]"),),
    allowlist="adr-0258",
    scan_verdict="pass",
    parity=ParityFigures("pass", 1e-4, 3.6e-7, 42, 40, 30, 29),
    versions=VERSIONS,
    hardware=HARDWARE,
    seconds=(("training", 4013.0), ("export", 0.125), ("gates", 61.25), ("whole", 4080.5)),
)
REFUSED = PASSING._replace(
    gates=(
        Gate("scan", False, "1 error", ("OG101 ai.onnx::ConvTranspose is not allowed", "and more")),
        Gate("contract", True, "as it must be"),
        Gate("parity", None, "the scan forbids to run the graph"),
        Gate("iou", None, "the scan forbids to run the graph"),
    ),
    data=DATA._replace(name="DUTS-TR", skipped=()),
    measures=None,
    parity=None,
    constants=(),
    scan_verdict="fail",
)
DIVERGED = PASSING._replace(
    gates=(*GATES[:2], Gate("parity", False, "NaN"), Gate("iou", False, "0.0000")),
    epochs=(Epoch(1, float("nan"), 0.0, 1e-3, 32, 1.0, 2.0),),
    best_epoch=1,
    measures=MEASURES._replace(images=1, iou=0.0),
    baselines=(),
    parity=ParityFigures("fail", 1e-4, float("inf"), 1, 1, 0, 0),
)
NASTY = PASSING._replace(
    student=HOSTILE,
    made=HOSTILE,
    gates=(Gate(HOSTILE, False, HOSTILE, (HOSTILE,)), Gate(HOSTILE, None, HOSTILE)),
    data=DataFacts(
        *(HOSTILE, HOSTILE, 1, 1, 1, 0),
        skipped=tuple((HOSTILE, HOSTILE) for _ in range(13)),
        held_out=(HOSTILE, HOSTILE),
        shared=((HOSTILE, HOSTILE),),
    ),
    recipe=((HOSTILE, HOSTILE),),
    best_epoch=9,
    baselines=((HOSTILE, 0.5),),
    sha256=HOSTILE,
    weights_sha256=HOSTILE,
    inputs=((HOSTILE, HOSTILE, HOSTILE),),
    outputs=((HOSTILE, HOSTILE, HOSTILE),),
    operators=((HOSTILE, 12_345),),
    constants=tuple((HOSTILE, HOSTILE, HOSTILE, HOSTILE) for _ in range(23)),
    allowlist=HOSTILE,
    scan_verdict="error",
    parity=PASSING.parity,
    versions=((HOSTILE, HOSTILE),),
    hardware=((HOSTILE, HOSTILE),),
    seconds=((HOSTILE, 1.0),),
)
CARDS = {"pass": PASSING, "refused": REFUSED, "diverged": DIVERGED, "hostile": NASTY}

EVALUATION = Evaluation(
    model="trained/saliency-v2.onnx",
    sha256=sha("a"),
    data="DUTS-TE",
    data_sha256=sha("e"),
    side=256,
    crop=0,
    stretched=False,
    skipped=(("ILSVRC2012_test_00000003", "the mask is 300 x 400, the image 400 x 300"),),
    measures=MEASURES,
    baselines=BASELINES,
    seconds=83.4,
)
EVALUATIONS = {
    "pass": EVALUATION,
    "bare": EVALUATION._replace(
        side=0, crop=224, stretched=True, skipped=(), baselines=(), seconds=0.25
    ),
    "hostile": EVALUATION._replace(
        model=HOSTILE,
        sha256=HOSTILE,
        data=HOSTILE,
        data_sha256=HOSTILE,
        skipped=tuple((HOSTILE, HOSTILE) for _ in range(12)),
        measures=MEASURES._replace(iou=0.1),
        baselines=((HOSTILE, 0.25),),
    ),
}

_V1 = ("Concat", "Conv", "ConvTranspose", "MaxPool", "Relu", "Sigmoid")
_V2 = ("Concat", "Constant", "Conv", "MaxPool", "Relu", "Resize", "Sigmoid")
_OLD = (("pre-adr-0258", "pass"), ("adr-0258", "fail"))
_NEW = (("pre-adr-0258", "fail"), ("adr-0258", "pass"))


def runs(student: str, *ious: float) -> tuple[AblationRun, ...]:
    """One run an IoU, with seeds 0, 1 and so on."""
    first = student == "saliency-v1"
    parameters, operators, verdicts = (112_841, _V1, _OLD) if first else (123_721, _V2, _NEW)
    return tuple(
        AblationRun(student, seed, parameters, iou, 28 + seed, operators, verdicts, 1800.0 + seed)
        for seed, iou in enumerate(ious)
    )


ABLATION = Ablation(
    data=DATA,
    recipe=RECIPE,
    runs=(
        *runs("saliency-v1", 0.7210, 0.7277, 0.7310),
        *runs("saliency-v2", 0.7360, 0.7420, 0.7391),
    ),
    baselines=BASELINES,
    versions=VERSIONS,
    hardware=HARDWARE,
)
_NASTY_RUN = AblationRun(HOSTILE, 0, 1, 0.5, 1, (HOSTILE,), ((HOSTILE, "error"),), 0.5)
ABLATIONS = {
    "apart": ABLATION,
    "noise": ABLATION._replace(
        runs=(*runs("saliency-v1", 0.71, 0.75), *runs("saliency-v2", 0.72, 0.77))
    ),
    "one-seed": ABLATION._replace(runs=(*runs("saliency-v1", 0.72), *runs("saliency-v2", 0.74))),
    "one-student": ABLATION._replace(runs=runs("saliency-v2", 0.74, 0.75)),
    "empty": ABLATION._replace(runs=(), recipe=(), baselines=(), versions=(), hardware=()),
    "hostile": Ablation(
        NASTY.data,
        NASTY.recipe,
        (_NASTY_RUN, *runs("saliency-v2", 0.4)),
        NASTY.baselines,
        NASTY.versions,
        NASTY.hardware,
    ),
}
