"""OG813: what a contract says of a model, point by point."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.injection import PAYLOADS
from support import formats
from support import protobuf as pb
from support.command import run
from support.lists import write_list
from support.protobuf import graph, message, node, opset_import, value
from support.repositories import (
    RELU,
    codes,
    enter,
    external,
    status,
    told,
    write_manifest,
    write_models,
)

from onnxguard.reporters import REPORTERS


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch)


LOOSE = "policy: {unknown_fields: allow}\nopset: {ai.onnx: 1.., a.b: 1..}\nir_version: 1..\n"
"""Of a list that leaves to the contract what this is about."""


def agreed(contract: str, model: bytes = RELU) -> list[str]:
    """What a contract, in a line of YAML, says of a model."""
    Path("m.onnx").write_bytes(model)
    write_manifest(
        "  - paths: [m.onnx]\n", "    allowlist: ./mine.yaml\n", f"    contract: {{{contract}}}\n"
    )
    return told("OG813")


def shaped(*dims: int | str, dtype: int = 1, **more: object) -> bytes:
    return pb.model(graph(node("Relu"), input=value("x", dtype, dims), **more))


UNSHAPED = pb.model(graph(node("Relu"), input=value("x", 1, None)))
TWO = pb.model(graph(node("Relu"), input=[value("x"), value("z", 7, ())]))
TWICE = pb.model(graph(node("Relu")), opset_import=opset_import("", 11))
OTHER = pb.model(graph(node("Relu")), opset_import=opset_import("a.b", 3))
NO_OPSET = pb.model(graph(node("Relu")), opset=None)
SEQUENCE = pb.model(
    graph(
        node("Relu"),
        input=message(
            "ValueInfoProto",
            name="x",
            type=message(
                "TypeProto",
                sequence_type=message(
                    "TypeProto.Sequence",
                    elem_type=message(
                        "TypeProto", tensor_type=message("TypeProto.Tensor", elem_type=1)
                    ),
                ),
            ),
        ),
    )
)
META = pb.model(
    graph(node("Relu")),
    metadata_props=[
        pb.entry(key, text)
        for key, text in {"name": "net", "path": "a\\b\n", "empty": "", "spaced": "  a  b "}.items()
    ],
)
META_TWICE = pb.model(
    graph(node("Relu")), metadata_props=[pb.entry("name", "net"), pb.entry("name", "other")]
)

KEPT = [
    ("", RELU),
    ("opset: 17", RELU),
    ("opset: 11..18", RELU),
    ("opset: 17..", RELU),
    ("opset: {ai.onnx: 17}", RELU),
    ("opset: {'': 17}", RELU),
    ("opset: {ai.onnx: 17, a.b: 1..3}", OTHER),
    ("opset: 11..17", TWICE),
    ("opset: {}", OTHER),
    ("ir_version: 8", RELU),
    ("ir_version: 8..9", RELU),
    ("inputs: {x: 'float32[1,3,8,8]'}", RELU),
    ("inputs: {x: 'float32[ 1, 3 ,8,8 ]'}", RELU),
    ("inputs: {x: 'float32[...]'}", RELU),
    ("inputs: {x: 'float32[...]'}", UNSHAPED),
    ("inputs: {x: 'float32[1,?,H,?]'}", shaped(1, "C", "H", "W")),
    ("inputs: {x: 'float32[]'}", shaped()),
    ("inputs: {x: 'float32[-1]'}", shaped(-1)),
    (f"inputs: {{x: 'float32[{2**62}]'}}", shaped(2**62)),
    ("inputs: {x: 'float32[0]'}", shaped(0)),
    ("inputs: {x: 'int64[2]'}", shaped(2, dtype=7)),
    ("inputs: {x: 'float32[1,3,8,8]', z: 'int64[]'}", TWO),
    ("inputs: {x: 'sequence(tensor) float32[...]'}", SEQUENCE),
    ("inputs: {}", pb.model(graph(node("Relu"), input=[]))),
    ("outputs: {y: 'float32[1,3,8,8]'}", RELU),
    (f"max_bytes: {len(RELU)}", RELU),
    ("metadata: {name: '*'}", META),
    ("metadata: {name: net}", META),
    ("metadata: {empty: '*', name: net}", META),
    ("metadata: {spaced: '  a  b '}", META),
    (r"metadata: {path: 'a\\b\n'}", META),
    (r'metadata: {path: "a\\\\b\\n"}', META),
]


@pytest.mark.parametrize(("contract", "model"), KEPT, ids=[contract for contract, _ in KEPT])
def test_contract_is_kept(contract: str, model: bytes, root: Path) -> None:
    write_list(root, LOOSE)
    assert agreed(contract, model) == []


LONG = "é" * 250


def described(end: str, rank: int = 4) -> tuple[bytes, str]:
    """A model of long texts, and its contract; both end alike."""
    name, dim, text = f"{LONG}{end}", f"{LONG}d{end}", f"{LONG} {end}"
    held = pb.model(
        graph(node("Relu", name), input=value(name, 1, [dim, *[1] * (rank - 1)])),
        metadata_props=pb.entry(f"{LONG}k", text),
    )
    sizes = ",".join([dim, *["1"] * (rank - 1)])
    return held, f"inputs: {{? {name} : 'float32[{sizes}]'}}, metadata: {{? {LONG}k : '{text}'}}"


def test_long_texts_are_agreed_to_their_ends(root: Path) -> None:
    write_list(root, f"{LOOSE}limits: {{tensor_rank: 99}}\n")
    held, contract = described("a")
    other, _ = described("b")
    assert agreed(contract, held) == []
    assert len(agreed(contract, other)) == 2
    for wanted, rank in ((20, 20), (16, 17), (64, 65)):
        said = agreed(described("a", wanted)[1], described("a", rank)[0])
        assert said == [] if wanted == rank else len(said) == 1


def test_a_contract_that_is_made_of_long_texts_holds_of_them_alone(root: Path) -> None:
    write_list(root, LOOSE)
    Path("m.onnx").write_bytes(described("a")[0])
    assert run("init", "--allowlist", "./mine.yaml", "--force")[0] == 0
    run("lock")
    assert status() == 0
    Path("m.onnx").write_bytes(described("b")[0])
    assert "OG813" in codes()["m.onnx"]


X = '"x" of the inputs is'
BROKEN = [
    ("opset: 16", RELU, ["opset 17 of ai.onnx instead of 16"]),
    ("opset: 18..", RELU, ["opset 17 of ai.onnx instead of 18.."]),
    ("opset: 11..16", RELU, ["opset 17 of ai.onnx instead of 11..16"]),
    ("opset: 17", NO_OPSET, ["opset none of ai.onnx instead of 17"]),
    ("opset: 17", OTHER, ["imports the opset a.b, which the contract does not name"]),
    ("opset: {ai.onnx: 17, a.b: 4}", OTHER, ["opset 3 of a.b instead of 4"]),
    ("opset: {ai.onnx: 17, c: 1}", RELU, ["opset none of c instead of 1"]),
    ("opset: 17", TWICE, ["opset 11 of ai.onnx instead of 17"]),
    ("opset: 11", TWICE, ["opset 17 of ai.onnx instead of 11"]),
    ("ir_version: 7", RELU, ["IR version 8 instead of 7"]),
    ("ir_version: 9..", RELU, ["IR version 8 instead of 9.."]),
    ("inputs: {}", RELU, ["the inputs are x instead of none"]),
    ("inputs: {X: 'float32[...]'}", RELU, ["the inputs are x instead of X"]),
    ("inputs: {x: 'float32[...]'}", TWO, ["the inputs are x, z instead of x"]),
    (
        "inputs: {z: 'int64[]', x: 'float32[...]'}",
        TWO,
        ["the inputs are x, z instead of z, x"],
    ),
    ("outputs: {z: 'float32[1]'}", RELU, ["the outputs are y instead of z"]),
    (
        "outputs: {y: 'float32[1]'}",
        RELU,
        ['"y" of the outputs is float32[1,3,8,8] instead of float32[1]'],
    ),
    (
        "inputs: {x: 'float16[1,3,8,8]'}",
        RELU,
        [f"{X} float32[1,3,8,8] instead of float16[1,3,8,8]"],
    ),
    ("inputs: {x: 'float16[...]'}", RELU, [f"{X} float32[1,3,8,8] instead of float16[...]"]),
    ("inputs: {x: 'float32[1,3,8]'}", RELU, [f"{X} float32[1,3,8,8] instead of float32[1,3,8]"]),
    ("inputs: {x: 'float32[]'}", RELU, [f"{X} float32[1,3,8,8] instead of float32[]"]),
    ("inputs: {x: 'float32[]'}", UNSHAPED, [f"{X} float32[...] instead of float32[]"]),
    ("inputs: {x: 'float32[?]'}", shaped(2), [f"{X} float32[2] instead of float32[?]"]),
    ("inputs: {x: 'float32[2]'}", shaped("N"), [f"{X} float32[N] instead of float32[2]"]),
    ("inputs: {x: 'float32[N]'}", shaped("M"), [f"{X} float32[M] instead of float32[N]"]),
    ("inputs: {x: 'float32[N]'}", shaped(2), [f"{X} float32[2] instead of float32[N]"]),
    ("inputs: {x: 'float32[1]'}", shaped(-1), [f"{X} float32[-1] instead of float32[1]"]),
    (
        "inputs: {x: 'float32[...]'}",
        SEQUENCE,
        [f"{X} sequence(tensor) float32[...] instead of float32[...]"],
    ),
    (
        "inputs: {x: 'sequence(tensor) float32[...]'}",
        RELU,
        [f"{X} float32[1,3,8,8] instead of sequence(tensor) float32[...]"],
    ),
    (
        f"max_bytes: {len(RELU) - 1}",
        RELU,
        [f"{len(RELU)} bytes with external data, and the contract allows {len(RELU) - 1}"],
    ),
    ("metadata: {author: '*'}", META, ['the metadata "author" is missing']),
    ("metadata: {name: Net}", META, ['the metadata "name" is "net" instead of "Net"']),
    ("metadata: {name: net}", META_TWICE, ['the metadata "name" is "other" instead of "net"']),
    ("metadata: {name: other}", META_TWICE, ['the metadata "name" is "net" instead of "other"']),
    (
        "opset: 1, ir_version: 1, inputs: {}, max_bytes: 1, metadata: {a: b}",
        RELU,
        [
            "IR version 8 instead of 1",
            "opset 17 of ai.onnx instead of 1",
            "the inputs are x instead of none",
            f"{len(RELU)} bytes with external data, and the contract allows 1",
            'the metadata "a" is missing',
        ],
    ),
]


@pytest.mark.parametrize(("contract", "model", "said"), BROKEN, ids=[c for c, _, _ in BROKEN])
def test_contract_is_broken(contract: str, model: bytes, said: list[str]) -> None:
    assert agreed(contract, model) == said
    assert status() == 1


def test_external_data_counts() -> None:
    model = external("w.bin")
    Path("w.bin").write_bytes(bytes(16))
    size = len(model) + 16
    assert agreed(f"max_bytes: {size}", model) == []
    assert agreed(f"max_bytes: {size - 1}", model) == [
        f"{size} bytes with external data, and the contract allows {size - 1}"
    ]
    Path("w.bin").unlink()
    most = "external data of unknown size, and the contract allows 1,000,000 bytes"
    assert agreed("max_bytes: 1_000_000", model) == [most]
    assert codes() == {"m.onnx": ["OG404", "OG813"]}


def test_external_data_behind_a_long_name_counts() -> None:
    """A location of more characters than are ever shown."""
    location = "./" * 150 + "w.bin"
    Path("w.bin").write_bytes(bytes(1000))
    model = external(location, 250)
    assert agreed(f"max_bytes: {len(model) + 999}", model) != []


def test_where_the_contract_stands_is_said() -> None:
    agreed("opset: 1")
    _, out, _ = run("check")
    assert "the contract stands at onnxguard.yaml:3" in out


def test_unreadable_model_has_no_contract_to_keep() -> None:
    assert agreed("opset: 1", b"<html>") == []
    assert codes() == {"m.onnx": ["OG002"]}
    assert status() == 2


@pytest.mark.parametrize("output_format", sorted(REPORTERS))
def test_hostile_names_are_harmless(output_format: str) -> None:
    for number, text in enumerate(PAYLOADS.values()):
        held = [pb.entry(text, text), pb.entry("version", text)]
        made = graph(
            node("Relu", name=text),
            input=value(text, 1, [text, 3]),
            output=value("y", 1, [text]),
        )
        write_models(**{str(number): pb.model(made, metadata_props=held)})
    write_manifest(
        "  - paths: ['*.onnx']\n"
        "    allowlist: ./mine.yaml\n"
        "    contract:\n"
        "      inputs: {x: 'float32[1]'}\n"
        "      outputs: {y: 'float32[1]'}\n"
        '      metadata: {version: "\\e[31m", "::error::x": "*"}\n'
    )
    code, out, _ = run("check", "--format", output_format)
    assert code == 1
    assert out.count("OG813") >= len(PAYLOADS)
    formats.check(output_format, out)
