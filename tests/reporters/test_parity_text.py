"""What a parity report says to people: the sentence, the referee, the text."""

from __future__ import annotations

import math
import re

import pytest
from support import formats
from support import parity_reports as samples
from support.parity_goldens import flat, render

from onnxguard.parity.report import ParityReport, Referee
from onnxguard.reporters.kit import paint
from onnxguard.reporters.kit.options import WIDTH
from onnxguard.reporters.kit.words import plain
from onnxguard.reporters.parity import phrases as parity_phrases
from onnxguard.reporters.parity.claims import headline

SETS = (samples.ALL, samples.NOTHING, *((sample,) for sample in samples.ALL))


class TestClaims:
    @pytest.mark.parametrize(
        ("sample", "sentence"),
        [
            (
                samples.PASSING,
                (
                    "models/saliency v2.onnx agrees with student:saliency-v2 within 1e-05: largest "
                    "difference 3.4e-06 in 3 trials; 34 of 34 nodes agree when run alone"
                ),
            ),
            (
                samples.FAILING,
                (
                    "models/scaled.onnx differs from student:saliency-v2 by up to 0.0016 where "
                    "1e-05 is allowed, in 2 of 3 trials"
                ),
            ),
            (
                samples.SUSPECTS,
                (
                    "models/hidden.onnx does not compute what student:saliency-v2 computes: 2 "
                    "of 34 nodes differ when run alone; the outputs hide it (largest difference "
                    "3.4e-06)"
                ),
            ),
            (
                samples.VACUOUS,
                (
                    "models/saturated.onnx shows no difference from student:saliency-v2 above "
                    "1e-05, but this comparison could hardly have shown one"
                ),
            ),
            (samples.UNLOADED, "models/lost.onnx was not compared with nowhere:Network"),
            (
                samples.UNPROVED,
                (
                    "models/unproved.onnx agrees with student:saliency-v2 within 1e-05 in 3 "
                    "trials, but has 1 error"
                ),
            ),
            (
                samples.ONE_REFUSES,
                "models/batch.onnx refuses inputs that student:saliency-v2 takes, in 2 of 4 trials",
            ),
            (
                samples.ONE_REFUSES._replace(trials=samples.ONE_REFUSES.trials[-1:]),
                "models/batch.onnx takes inputs that student:saliency-v2 refuses, in 1 of 1 trial",
            ),
            (
                samples.BOTH_REFUSE,
                "models/odd.onnx was not compared with student:saliency-v2: both refuse all inputs",
            ),
            (
                samples.NOT_FINITE,
                (
                    "models/nan.onnx differs from student:saliency-v2: an output holds NaN or "
                    "infinity, in 1 of 1 trial"
                ),
            ),
        ],
        ids=lambda value: value.path if isinstance(value, ParityReport) else "",
    )
    def test_one_sentence_says_it(self, sample: ParityReport, sentence: str) -> None:
        assert headline(sample) == sentence
        assert sentence in flat(render("text", sample))
        assert f"{sample.verdict.value.upper()} {sentence}\n" in render("github", sample)
        assert sentence in render("markdown", sample).replace("`", "")

    @pytest.mark.parametrize(
        ("problem", "words"),
        [
            ("OP202", "it has more or fewer outputs"),
            ("OP203", "an output has another dtype"),
            ("OP204", "an output has another shape"),
            ("OP205", "an output holds NaN or infinity"),
            ("OP206", "in numbers that must be equal"),
        ],
    )
    def test_what_has_no_distance_is_named(self, problem: str, words: str) -> None:
        difference = samples.FAR._replace(problem=problem, largest=math.inf)
        sample = samples.FAILING._replace(trials=(samples.trial("noise", 64, difference),))
        assert words in headline(sample)

    def test_a_failing_output_comes_before_a_larger_one_that_passes(self) -> None:
        passes = samples.CLOSE._replace(output="logits", tolerance=1.0, largest=0.5)
        trials = (samples.trial("noise", 64, passes, samples.FAR),)
        found = parity_phrases.worst(samples.FAILING._replace(trials=trials))
        assert found is not None
        assert found.difference is samples.FAR


class TestReferee:
    @pytest.mark.parametrize(
        ("reference_error", "model_error", "words"),
        [
            (3.6e-07, 4.1e-07, "what differs there is rounding."),
            (0.0, 0.0, "what differs there is rounding."),
            (3e-05, 4e-05, "is rounding, but float32 itself cannot keep the tolerance here."),
            (2.3e-06, 0.0016, "what differs there is an error, not rounding."),
            (0.0, 0.5, "what differs there is an error, not rounding."),
            (1e-07, 5e-06, "more than PyTorch's rounding"),
            (0.0, 6e-08, "more than PyTorch's rounding"),
            (2e-06, 2e-05, "more than PyTorch's rounding"),
            (math.nan, 1e-07, "rounding cannot be told from error."),
            (1e-07, math.inf, "rounding cannot be told from error."),
        ],
    )
    def test_tells_rounding_from_error(
        self, reference_error: float, model_error: float, words: str
    ) -> None:
        one = Referee("saliency_map", reference_error, model_error)
        trial = samples.trial("noise", 64, samples.CLOSE, refereed=one)
        sentence = plain(parity_phrases.referee(samples.PASSING._replace(trials=(trial,))))
        assert words in sentence
        assert sentence.endswith(".")

    def test_the_worst_is_asked_and_nan_is_worse_than_any(self) -> None:
        trials = tuple(
            samples.trial("noise", 64, samples.CLOSE, refereed=Referee("o", 1e-7, error))
            for error in (1e-07, math.nan, 0.25)
        )
        sentence = plain(parity_phrases.referee(samples.PASSING._replace(trials=trials)))
        assert "NaN in ONNX Runtime" in sentence

    def test_nothing_is_said_where_nobody_asked(self) -> None:
        trials = (samples.trial("noise", 64, samples.CLOSE),)
        report = samples.PASSING._replace(trials=trials)
        assert "float64" not in render("text", report, verbosity=1)

    def test_shown_where_an_output_differs_and_if_verbose(self) -> None:
        assert "an error, not rounding" in flat(render("text", samples.FAILING))
        assert "rounding" not in render("text", samples.PASSING)
        assert "what differs there is rounding" in flat(
            render("text", samples.PASSING, verbosity=1)
        )


class TestText:
    def test_fits_the_terminal(self) -> None:
        plain = [sample for sample in samples.ALL if sample is not samples.NASTY]
        lines = render("text", *plain, verbosity=1).splitlines()
        assert max(map(len, lines)) <= WIDTH

    def test_colour_adds_nothing_but_colour(self) -> None:
        for reports in SETS:
            for verbosity in (-1, 0, 1):
                plain = render("text", *reports, verbosity=verbosity)
                colored = render("text", *reports, verbosity=verbosity, color=True)
                assert "\x1b" not in plain
                assert paint.uncolored(colored) == plain

    def test_quiet_says_nothing_of_what_passes_and_something_of_all_else(self) -> None:
        for sample in samples.ALL:
            said = render("text", sample, verbosity=-1)
            assert bool(said) is not sample.passed
            assert len(said.splitlines()) == len(sample.findings)
        bare = samples.UNLOADED._replace(findings=())
        assert "was not compared with" in render("text", bare, verbosity=-1)

    def test_wrong_nodes_and_who_else_may_be_at_fault(self) -> None:
        text = flat(render("text", samples.SUSPECTS))
        assert "2 nodes are wrong when run alone, in the graph's order" in text
        first = text.index("/enc3b/enc3b.0/Conv Conv enc3b.1 0.0093 1e-05")
        assert first < text.index("node 12 (Add) Add head 0.5 1e-05")
        assert "At fault may also be node 10 (Mul), node 11 (Sub): what feeds node 12" in text

    def test_remarks_and_survivors_are_shown_at_any_rate(self) -> None:
        assert "both sides refuse input 1x3x100x100" in render("text", samples.BOTH_REFUSE)
        text = flat(render("text", samples.PROVED))
        assert "Of 60 graphs damaged on purpose, 58 were noticed (96.7%; at least 90%" in text
        assert "not noticed: weight rounded to float16, at /head/Conv" in text

    def test_what_is_cut_is_counted_and_verbose_cuts_nothing(self) -> None:
        text = render("text", samples.NASTY)
        assert "... and 2 more OP303 output-constant" in text
        assert "    ... and 20 more" in text
        assert "    ... and 10 more" in render("text", samples.UNPROVED)
        for sample in (samples.NASTY, samples.UNPROVED):
            assert "more" not in render("text", sample, verbosity=1).replace("more than", "")

    def test_repeats_are_counted_not_pointed_at(self) -> None:
        text = flat(render("text", samples.ONE_REFUSES))
        assert "Got: 2 (2 times)" in text
        assert "and 1 more" not in text

    def test_verbose_names_what_was_compared(self) -> None:
        text = render("text", samples.PROVED, verbosity=1)
        identity = samples.PROVED.identity
        assert identity is not None
        for shown in (
            *(samples.sha(digit) for digit in "abef"),
            "weights.bin",
            "CUDAExecutionProvider 30, CPUExecutionProvider 4",
            "CUDAExecutionProvider, CPUExecutionProvider",
            identity.platform,
            *(f"{name} {version}" for name, version in identity.versions),
        ):
            assert shown in text
            assert shown not in render("text", samples.PROVED)

    def test_verbose_says_what_each_side_answered(self) -> None:
        text = flat(render("text", samples.BOTH_REFUSE, verbosity=1))
        assert "noise, seed 0, input 1x3x100x100: both sides refuse it" in text
        assert "the graph says: Axis 2: 25 and 24" in text
        assert "the reference says: Sizes must match" in text

    def test_histogram_adds_up_all_trials_and_marks_the_tolerance(self) -> None:
        text = render("text", samples.FAILING, verbosity=1)
        rows = re.findall(r"^ {4}(equal|1e-\d\d to 1e-\d\d) +([\d,]+)  (=+)$", text, re.MULTILINE)
        counts = {label: int(count.replace(",", "")) for label, count, _ in rows}
        assert counts["equal"] == 1529 + 45 + 45
        assert counts["1e-08 to 1e-07"] == 3239 + 16 + 16
        assert counts["1e-05 to 1e-04"] == 2 * 4423
        longest = max(rows, key=lambda row: len(row[2]))
        assert counts[longest[0]] == max(counts.values())
        before, after = text.split("------ allowed: 1e-05 ------")
        assert "1e-06 to 1e-05" in before
        assert "1e-05 to 1e-04" in after
        passing = render("text", samples.PASSING, verbosity=1)
        assert passing.split("------ allowed: 1e-05 ------\n")[1].startswith("\n")

    def test_no_line_is_a_command_however_it_wraps(self) -> None:
        for width in range(90):
            remark = f"{'x' * width} ::error::y ##[z] ::add-mask::y"
            sample = samples.FAILING._replace(path="::error::p", remarks=(remark,))
            for verbosity in (-1, 0, 1):
                formats.check("text", render("text", sample, verbosity=verbosity))
