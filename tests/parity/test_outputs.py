"""Answers and arguments as networks have them: narrowed, nested, with caches; optional, lost."""

from __future__ import annotations

import collections
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.parity_cases import (
    LINEAR,
    Network,
    assert_honest,
    errors,
    graph,
    weighted,
)
from torch import Tensor

from onnxguard.base.errors import UsageError
from onnxguard.cli import main
from onnxguard.parity.check import check_parity
from onnxguard.parity.report import ParityReport

BOTH = graph("(float[n, 4] x) => (float[n, 5] y, float[n, 4] z) { y = MatMul(x, w) z = Neg(x) }")
WRONG_Z = graph("(float[n, 4] x) => (float[n, 5] y, float[n, 4] z) { y = MatMul(x, w) z = Exp(x) }")


class ModelOutput(collections.OrderedDict[str, Any]):
    """What transformers returns: a dict whose fields are attributes as well."""


class Layer:
    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys, self.values, self.seen = keys, values, 3


class Cache:
    """Not a container that Python knows; its layers hold tensors."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.offloading = False


class IterableCache(Cache):
    def __iter__(self) -> Any:
        for layer in self.layers:
            yield layer.keys, layer.values, None


@dataclasses.dataclass
class Inner:
    z: Tensor
    nothing: Tensor | None = None


def cached(x: Tensor, kind: type[Cache] = Cache) -> ModelOutput:
    cache = kind([Layer(x + 1, x + 2), Layer(x + 3, x + 4)])
    return ModelOutput(logits=weighted(x), past=cache)


def said(report: ParityReport) -> str:
    return " ".join((*report.remarks, *(f.message for f in report.findings)))


# --outputs


def test_one_output_of_two_is_compared_alone_and_that_is_said() -> None:
    right = Network(lambda x: (weighted(x), -x))
    assert errors(check_parity(WRONG_Z, right)) >= {"OP201", "OP401"}
    report = check_parity(WRONG_Z, right, outputs=("y",))
    assert_honest(report)
    assert report.outputs == ("y",)
    assert {d.output for trial in report.trials for d in trial.differences} == {"y"}
    assert "compared as asked: y; not compared: z" in said(report)
    assert "the reference also gives, not compared: 1" in said(report)
    assert errors(check_parity(WRONG_Z, right, outputs=("z",))) >= {"OP201"}


def test_an_output_that_is_asked_for_is_compared_strictly() -> None:
    wrong = Network(lambda x: (weighted(x) * 1.001, -x))
    assert "OP201" in errors(check_parity(BOTH, wrong, outputs=("y",)))


def test_outputs_are_found_by_their_place_their_name_or_their_shape() -> None:
    three = Network(lambda x: {"first": weighted(x), "other": x, "z": -x})
    assert_honest(check_parity(BOTH, three, outputs=("z",)))
    assert_honest(check_parity(BOTH, three, outputs=("y",)))  # no other is so wide
    assert_honest(check_parity(BOTH, three, outputs=("y=first", "z")))
    nested = Network(lambda x: {"text": Inner(-x), "y": weighted(x), "more": x})
    assert_honest(check_parity(BOTH, nested, outputs=("z",)))
    assert_honest(check_parity(BOTH, nested, outputs=("z=text.z", "y")))


def test_what_is_not_beyond_doubt_is_not_guessed() -> None:
    alike = Network(lambda x: (-x, weighted(x), -x))
    report = check_parity(BOTH, alike, outputs=("z",))
    assert errors(report) == {"OP202"}
    assert "the graph has 1 output (z), the reference gives 3 (0, 1, 2)" in said(report)
    assert_honest(check_parity(BOTH, alike, outputs=("z=2",)))


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (("w",), 'no output "w"; the graph has: y, z'),
        (("w=first",), 'no output "w"; the graph has: y, z'),
        (("",), 'no output ""; the graph has: y, z'),
        (("y=first",), 'the reference gives no "first"; it gives: 0, 1'),
    ],
)
def test_an_unknown_output_is_an_error_that_lists_the_others(
    outputs: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        check_parity(BOTH, Network(lambda x: (weighted(x), -x)), outputs=outputs)


def test_parts_of_the_graph_that_no_asked_output_needs_are_left_out() -> None:
    data = graph(
        """(float[n, 4] x, float[n, 4] other) => (float[n, 5] y, float[n, 4] z) {
          y = MatMul(x, w) c = Less(other, zero) z = Where(c, other, other)
        }""",
        zero=np.float32(1e9),
    )
    module = Network(lambda x, other: (weighted(x), other))
    report = check_parity(data, module, outputs=("y",), mutants=10)
    assert_honest(report)  # neither OP306 for the other input nor OP310 for the Where
    assert report.nodes.nodes == 1
    assert report.proof is not None
    assert report.proof.rate == 1


def test_the_module_gets_what_the_other_outputs_allow() -> None:
    data = graph(
        """(int64[n] ids, float[n, 4] x) => (float[n, 4] rows, float[n, 5] y) {
          rows = Gather(t, ids) y = MatMul(x, w)
        }""",
        t=TABLE.numpy(),
    )
    module = Network(lambda ids, x: (TABLE.to(x.dtype)[ids], weighted(x)))
    report = check_parity(data, module, outputs=("y",))
    assert_honest(report)
    assert not [one for one in report.coverage if one.what == "rows"]
    assert_honest(check_parity(data, module, outputs=("rows",)))


def test_another_graph_as_the_reference_is_narrowed_too(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(BOTH)
    assert_honest(check_parity(WRONG_Z, reference=other, outputs=("y",)))
    assert_honest(check_parity(LINEAR, reference=other, outputs=("y",)))
    assert errors(check_parity(LINEAR, reference=other)) == {"OP202"}


def test_the_option_the_report_and_the_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "both.onnx").write_bytes(WRONG_Z)
    (tmp_path / "other.onnx").write_bytes(BOTH)
    command = ["parity", "both.onnx", "--reference", "other.onnx"]
    assert main([*command, "--outputs", "y,z"]) == 1
    assert main([*command, "--outputs", "w"]) == 2
    assert 'no output "w"; the graph has: y, z' in capsys.readouterr().err
    assert main([*command, "--outputs", "y", "--save", "kept"]) == 0
    text = capsys.readouterr().out
    assert "agrees with other.onnx in the output asked for within" in " ".join(text.split())
    done = subprocess.run(
        [sys.executable, "kept/replay.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert main([*command, "--outputs", "y", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["outputs"] == ["y"]


# What modules return


@pytest.mark.parametrize("kind", [Cache, IterableCache])
def test_a_cache_may_be_more_than_the_graph_gives(kind: type[Cache]) -> None:
    data = graph("(float[n, 4] x) => (float[n, 5] logits) { logits = MatMul(x, w) }")
    report = check_parity(data, Network(lambda x: cached(x, kind)))
    assert_honest(report)
    assert "the reference also gives, not compared: past." in said(report)


@pytest.mark.parametrize("kind", [Cache, IterableCache])
def test_a_cache_that_the_graph_gives_is_compared(kind: type[Cache]) -> None:
    head = "(float[n, 4] x) => (float[n, 5] logits, float[n, 4] k0, float[n, 4] v0, "
    body = "float[n, 4] k1, float[n, 4] v1) { logits = MatMul(x, w) k0 = Add(x, one) "
    tail = "v0 = Add(k0, one) k1 = Add(v0, one) v1 = Add(k1, step) }"
    module = Network(lambda x: cached(x, kind))
    right = graph(head + body + tail, one=np.float32(1), step=np.float32(1))
    report = check_parity(right, module)
    assert_honest(report)
    assert "also gives, not" not in said(report)
    wrong = graph(head + body + tail, one=np.float32(1), step=np.float32(2))
    assert "OP201" in errors(check_parity(wrong, module))


def test_none_and_nested_answers_are_flattened_in_order() -> None:
    module = Network(lambda x: (None, {"a": [weighted(x), None], "b": Inner(-x)}))
    assert_honest(check_parity(BOTH, module))


def test_an_output_that_the_graph_lacks_is_no_cache() -> None:
    module = Network(lambda x: ModelOutput(y=weighted(x), hidden=x))
    report = check_parity(LINEAR, module)
    assert errors(report) == {"OP202"}
    assert "the reference gives 2 (y, hidden)" in said(report)
    assert_honest(check_parity(LINEAR, module, outputs=("y",)))


def test_an_answer_that_changes_its_number_of_tensors_is_no_match() -> None:
    module = Network(lambda x: (weighted(x), x) if len(x) == 1 else (weighted(x),))
    assert "OP202" in errors(check_parity(LINEAR, module))


def test_findings_on_outputs_bear_the_names_of_the_graph() -> None:
    module = Network(lambda x: (torch.zeros_like(weighted(x)), -x))
    zeros = graph(
        "(float[n, 4] x) => (float[n, 5] y, float[n, 4] z) "
        "{ h = MatMul(x, w) y = Mul(h, zero) z = Neg(x) }",
        zero=np.float32(0),
    )
    report = check_parity(zeros, module)
    assert errors(report) == {"OP303"}
    assert "y spans 0 only" in said(report)


# What modules take


class Optional(torch.nn.Module):
    """A plain network of a library: all optional, by name, and more names than the graph has."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,  # noqa: ARG002 - nobody gives it
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> ModelOutput:
        assert input_ids is not None
        assert not kwargs
        hidden = TABLE.to(torch.get_default_dtype())[input_ids]
        if attention_mask is not None:
            hidden = hidden * attention_mask[..., None]
        answer = ModelOutput(last_hidden_state=hidden, pooler_output=hidden.sum(1))
        if use_cache is not False:
            answer["past"] = Cache([Layer(hidden, hidden)])
        return answer


TABLE = torch.arange(200.0).reshape(50, 4).sin()
OPTIONAL = graph(
    """(int64[n, l] input_ids, int64[n, l] attention_mask) => (float[n, l, 4] h, float[n, 4] p) {
      r = Gather(t, input_ids) m = Cast <to = 1> (attention_mask) u = Unsqueeze(m, last)
      h = Mul(r, u) p = ReduceSum <keepdims = 0> (h, one)
    }""",
    t=TABLE.numpy(),
    last=np.array([-1]),
    one=np.array([1]),
)


def test_a_plain_network_of_a_library_needs_no_wrapper() -> None:
    report = check_parity(OPTIONAL, Optional())
    assert_honest(report)
    assert "the reference also gives, not compared: past." in said(report)
    (defaults,) = (one for one in report.coverage if one.what == "defaults")
    assert defaults.said == "inputs_embeds, use_cache"
    assert_honest(check_parity(OPTIONAL, Optional(), outputs=("p",)))


def test_a_mask_that_the_graph_lost_is_no_default() -> None:
    data = graph(
        """(int64[n, l] input_ids, int64[n, l] attention_mask) => (float[n, l, 4] h) {
          r = Gather(t, input_ids) h = Identity(r)
        }""",
        t=TABLE.numpy(),
    )
    assert "OP201" in errors(check_parity(data, Optional(), outputs=("h=last_hidden_state",)))


def test_arguments_that_go_by_any_name() -> None:
    two = graph("(float[n, 4] a, float[n, 4] b) => (float[n, 4] y) { y = Sub(a, b) }")
    assert_honest(check_parity(two, Network(lambda **given: given["a"] - given["b"])))
    swapped = Network(lambda **given: given["b"] - given["a"])
    assert "OP201" in errors(check_parity(two, swapped))


def test_a_part_of_an_argument_is_no_argument() -> None:
    data = graph('(float[n, 4] x, float[n, 4] "past.0.key") => (float[n, 4] y) { y = Identity(x) }')
    with pytest.raises(UsageError, match=r'"past\.0\.key" is a part of "past", which'):
        check_parity(data, Network(lambda x, past: x + past[0]))
