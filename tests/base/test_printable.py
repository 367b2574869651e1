"""What came from a model is shown, and does nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onnxguard.base.printable import SHOWN, as_shown, identifier, printable

ESCAPES: dict[str, tuple[str | bytes, str]] = {
    "plain": ("conv_1", "conv_1"),
    "bytes": (b"conv_1", "conv_1"),
    "empty": ("", ""),
    "words": ("a b", "a b"),
    "letters of any alphabet": ("naïve 出力 \u0645", "naïve 出力 \u0645"),
    "escape sequence": ("\x1b[31mred", "\\x1b[31mred"),
    "newline": ("a\nb\r\n", "a\\nb\\r\\n"),
    "tab": ("a\tb", "a\\tb"),
    "NUL": (b"a\0b", "a\\x00b"),
    "delete": ("\x7f", "\\x7f"),
    "backslash": ("a\\nb", "a\\\\nb"),
    "right-to-left override": ("a\u202eb", "a\\u202eb"),
    "isolate": ("\u2066a\u2069", "\\u2066a\\u2069"),
    "zero width": ("a\u200bb\u200db", "a\\u200bb\\u200db"),
    "byte order mark": ("\ufeffa", "\\ufeffa"),
    "line separator": ("a\u2028b\u2029", "a\\u2028b\\u2029"),
    "tag character": ("\U000e0041", "\\U000e0041"),
    "private use": ("\ue000", "\\ue000"),
    "unassigned": ("\u0378", "\\u0378"),
    "not UTF-8": (b"caf\xe9!", "caf\\xe9!"),
    "surrogate": ("\ud800", "\\ud800"),
    "UTF-8 cut short": (b"ok\xe5\x87", "ok\\xe5\\x87"),
    "command of a CI log": ("::error::x", "\\x3a:error::x"),
    "colons inside": ("com.microsoft::Gelu", "com.microsoft::Gelu"),
    "old command of a CI log": ("x ##[error]y", "x ##\\x5berror]y"),
}


@pytest.mark.parametrize("name", ESCAPES)
def test_what_does_not_print_is_escaped(name: str) -> None:
    raw, shown = ESCAPES[name]
    assert printable(raw) == shown


@settings(deadline=None)
@given(st.text() | st.binary())
@example("::" * 200)
@example("\x9b31m\xa0")
@example(b"\xff" * 1000)
def test_whatever_comes_in_prints(raw: str | bytes) -> None:
    shown = printable(raw)
    assert shown.isprintable()
    assert not shown.startswith("::")
    assert "##[" not in shown
    categories = {unicodedata.category(char) for char in shown}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@settings(deadline=None)
@given(st.binary(max_size=24), st.binary(max_size=24))
@example(b"\xa0", b"\xc2\xa0")
@example(b"\x9b", "\x9b".encode())
@example(b"\\x00", b"\0")
def test_names_that_differ_look_different(a: bytes, b: bytes) -> None:
    assert (printable(a) == printable(b)) == (a == b)


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "bytes"])
def test_long_name_is_cut_and_says_how_much_is_missing(encoded: bool) -> None:
    def of(length: int) -> str | bytes:
        return b"x" * length if encoded else "x" * length

    assert printable(of(SHOWN)) == "x" * SHOWN
    assert printable(of(SHOWN + 1)) == "x" * SHOWN + "...(+1#84a0678c90937f5d)"
    assert printable(of(1_000_000)).startswith("x" * SHOWN + f"...(+{1_000_000 - SHOWN}#")
    assert printable(of(12), 10) == "x" * 10 + "...(+2)"


@given(st.text("xé日", min_size=SHOWN), st.text("xé日", max_size=9), st.text("xé日", max_size=9))
def test_long_names_that_differ_at_their_ends_look_different(head: str, a: str, b: str) -> None:
    assert (printable(head + a) == printable(head + b)) == (a == b)
    assert printable(head + a) == printable((head + a).encode()) == as_shown(head + a)
    assert as_shown(printable(head + a)) == printable(head + a)


def test_long_name_in_another_alphabet_is_not_cut_inside_a_letter() -> None:
    assert printable(("é" * SHOWN).encode()) == "é" * SHOWN
    assert printable(("é" * (SHOWN + 1)).encode()).startswith("é" * SHOWN + "...(+")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Conv", "Conv"),
        ("Co nv", "Co\\x20nv"),
        ("Conv ", "Conv\\x20"),
        ("\u0421\u043env", "\\u0421\\u043env"),
        (b"Conv\0evil", "Conv\\x00evil"),
        ("\U0001d400", "\\U0001d400"),
        ("", ""),
    ],
    ids=ascii,
)
def test_identifier_hides_nothing(raw: str | bytes, shown: str) -> None:
    assert identifier(raw) == shown


@settings(deadline=None)
@given(st.text() | st.binary())
def test_every_identifier_is_visible_ascii(raw: str | bytes) -> None:
    assert all("!" <= char <= "~" for char in identifier(raw))
