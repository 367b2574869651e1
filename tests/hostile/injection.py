"""Names that try to write into a terminal, a log, a page or a table."""

from __future__ import annotations

from pathlib import Path

from support import protobuf as pb
from support.protobuf import attribute, function, graph, node

from hostile.registry import FINDINGS, NOT_VERIFIED, path, table

PAYLOADS = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear screen": "\x1b[2J\x1b[H",
    "window title": "\x1b]0;owned\x07",
    "eight-bit escape": "\x9b31m",
    "newline command": "x\n::error::pwned",
    "carriage return command": "x\r::error file=a.py,line=1::pwned",
    "command": "::error::pwned",
    "indented command": "  ::error::pwned",
    "commands at every line's end": "a " + "::error::pwned " * 13,
    "words and a command": "word " * 17 + "::error file=a.py::pwned",
    "end of command": "a,line=9,title=b::pwned%0A::error::c",
    "set output": "\n::set-output name=a::b\n##[error]pwned",
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "cdata": "]]><!--<failure/>",
    "entity": "&lt;script&gt;&#x0a;&amp;",
    "table": "a | b || c \\| d",
    "markdown": "`code` *b* [click](javascript:alert(1)) ![i](http://e.example/i) # h",
    "fence": "```\n</details>\n# owned\n",
    "quotes": '\'"`\\"',
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}xnno.\N{POP DIRECTIONAL FORMATTING}",
    "isolate": "\N{RIGHT-TO-LEFT ISOLATE}a\N{POP DIRECTIONAL ISOLATE}\N{LEFT-TO-RIGHT MARK}",
    "invisible": "a\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NO-BREAK SPACE}\N{SOFT HYPHEN}b",
    "tags": "\N{TAG LATIN SMALL LETTER A}\N{TAG LATIN SMALL LETTER B}",
    "line separator": "a\N{LINE SEPARATOR}b\N{PARAGRAPH SEPARATOR}c\x85d",
    "NUL": "a\0b",
    "format string": "%s %n {0} {self} ${HOME} $(id) `id`",
    "long": "A" * 100_000,
}


def poisoned(text: str) -> bytes:
    """A model with the text wherever a model can hold a name, and findings about many of them."""
    external = [pb.entry("location", text), pb.entry(text, text), pb.entry("offset", text)]
    weight = pb.tensor(1, [2, 3], text, data_location=1, external_data=external)
    named = attribute(text, f=1.0)
    odd = node(text, text, text, domain=text, overload=text, name=text, attribute=[named, named])
    return pb.model(
        graph(
            odd,
            node("Einsum", "x", text, name=text),
            node("Loop", text, "y", name=text, attribute=attribute("body", g=pb.body(name=text))),
            pb.constant(text, value={"t": pb.tensor(8, [1], text, string_data=text)}),
            pb.constant(text, value_string={"s": text}),
            name=text,
            initializer=weight,
            input=[pb.value(text, 99, [text, -5, 8]), pb.value("x")],
            output=[pb.value(text, 8, [1 << 40, text])],
        ),
        producer_name=text,
        producer_version=text,
        domain=text,
        doc_string=text,
        metadata_props=pb.entry(text, text),
        opset_import=[pb.opset_import(text, 3), pb.opset_import(text, 4)],
        functions=function(text, node(text), domain=text, overload=text, input=[text, text]),
    )


@table(FINDINGS, "OG101", "OG306", "OG501")
def in_every_name() -> dict[str, bytes]:
    return {name: poisoned(text) for name, text in PAYLOADS.items()}


@table(NOT_VERIFIED)
def in_a_file_that_is_no_model() -> dict[str, bytes]:
    return {name: text[:200].encode() for name, text in PAYLOADS.items()}


def _file_name_cases(name: str, text: str) -> None:
    usable = text[:100].replace("/", "").replace("\0", "") + ".onnx"

    def bad(folder: Path) -> Path:
        target = folder / usable
        target.write_bytes(pb.model(graph(node("Einsum"))))
        return target

    def broken(folder: Path) -> Path:
        target = folder / usable
        target.write_bytes(b"<html>")
        return target

    def missing(folder: Path) -> Path:
        return folder / usable

    for build, exits in ((bad, FINDINGS), (broken, NOT_VERIFIED), (missing, NOT_VERIFIED)):
        build.__name__ = f"in_the_name_of_a_{build.__name__}_file[{name}]"
        path(exits)(build)


for _name, _text in PAYLOADS.items():
    _file_name_cases(_name, _text)


@path(FINDINGS, "OG101")
def file_name_that_is_not_utf8(folder: Path) -> Path:
    target = folder / "bad\udcff\udcfe.onnx"
    target.write_bytes(pb.model(graph(node("Einsum"))))
    return target
