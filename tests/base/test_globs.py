"""Patterns of paths: what they match, what they do not, and what is no pattern."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onnxguard.base.globs import Globs, check_pattern, escaped, pattern

MATCH = [
    ("m.onnx", "m.onnx", "M.onnx m.ONNX a/m.onnx mxonnx m.onnx/a m.onnx\n"),
    ("*.onnx", "m.onnx .onnx .m.onnx é.onnx", "a/m.onnx m.onnx.data m.ONNX"),
    ("*", "m.onnx .hidden", "a/m.onnx"),
    ("m*", "m m.onnx m*", "M a/m m/a"),
    ("a*b*c", "abc aXbYc abcabc", "ab acb a/bc"),
    ("?.onnx", "m.onnx ?.onnx é.onnx \U0001f600.onnx", ".onnx mm.onnx"),
    ("a?b", "axb a?b", "a/b ab"),
    ("[ab].onnx", "a.onnx b.onnx", "c.onnx ab.onnx .onnx"),
    ("[a-c].onnx", "a.onnx b.onnx c.onnx", "d.onnx -.onnx B.onnx"),
    ("[a-c0-9].onnx", "b.onnx 5.onnx", "-.onnx d.onnx"),
    ("[-a].onnx", "-.onnx a.onnx", "b.onnx"),
    ("[a-].onnx", "-.onnx a.onnx", "b.onnx"),
    ("[!a].onnx", "b.onnx !.onnx", "a.onnx .onnx"),
    ("[!a-c].onnx", "d.onnx -.onnx", "a.onnx b.onnx"),
    ("[^a].onnx", "^.onnx a.onnx", "b.onnx"),
    ("a[!b]c", "axc a^c", "a/c abc"),
    ("a[+-9]c", "a.c a5c", "a/c a:c"),
    ("a[!+-9]c", "axc", "a/c a5c"),
    ("a[a&&b]", "aa a& ab", "a&&"),
    ("a[a||b]", "aa a| ab", "a||"),
    ("a[a~~b]", "aa a~ ab", "a~~"),
    ("a[[]", "a[", "a[[] a"),
    ("a[*]", "a*", "ab a"),
    ("a[?]", "a?", "ab a"),
    ("[]a]", "] a", "[ b"),
    ("a[b", "a[b", "ab"),
    ("a]b", "a]b", "ab"),
    ("a[", "a[", "a"),
    ("a[]", "a[]", "a"),
    ("a[.]b", "a.b", "axb"),
    ("a[\\]b", "a\\b", "ab axb a/b"),
    ("a+(b|c){2}$^", "a+(b|c){2}$^", "ab aab"),
    ("**", "m a/m a/b/c .a/.m", ""),
    ("**/*.onnx", "m.onnx a/m.onnx a/b/m.onnx .a/m.onnx", "m.ONNX a/m"),
    ("a/**", "a/m a/b/m", "a b/a/m am"),
    ("a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb a/b/c b/a/b"),
    ("**/a/**/b", "a/b x/a/b x/a/y/b", "b ab"),
    ("**/**/b", "b a/b", "ab"),
    ("a**b", "ab axxb", "a/b a/x/b"),
    ("a/*/b", "a/x/b", "a/b a/x/y/b"),
    ("a/*", "a/m", "a/b/m a"),
    ("***", "m", "a/m"),
    ("...", "...", "abc"),
    ("-", "-", "a"),
    (" ", "", "a"),
    ("~/a", "~/a", "/home/a"),
    ("$HOME", "$HOME", "/home"),
    ("#a", "#a", "a"),
    ("!a", "!a", "b"),
    ("é", "é", "e"),
]


@pytest.mark.parametrize(("glob", "yes", "no"), MATCH, ids=[glob for glob, _, _ in MATCH])
def test_pattern(glob: str, yes: str, no: str) -> None:
    for path in yes.split(" "):
        assert not path or Globs((glob,)).match(path), path
    for path in filter(None, no.split(" ")):
        assert not Globs((glob,)).match(path), path


def test_a_name_may_hold_any_character() -> None:
    for char in " \n\r\t\0\x1b\x85\u2028\u202e\udcff":
        assert Globs(("a?b",)).match(f"a{char}b")
        assert Globs(("a*",)).match(f"a{char}")
        assert Globs(("**",)).match(f"a{char}/{char}")
        assert Globs(("a[!x]b",)).match(f"a{char}b")


@pytest.mark.parametrize("glob", [glob for glob, _, _ in MATCH])
def test_pattern_of_one_path_is_looked_up_as_it_would_match(glob: str) -> None:
    paths = [path for other, yes, no in MATCH for path in (other, *yes.split(" "), *no.split(" "))]
    found = Globs((glob, "elsewhere"))
    assert [found.match(p) for p in paths] == [bool(pattern(glob).fullmatch(p)) for p in paths]


def test_any_of_several() -> None:
    assert Globs(("a", "b/*")).match("b/c")
    assert not Globs(("a", "b/*")).match("c")
    assert not Globs(()).match("a")


@pytest.mark.parametrize(
    "glob",
    [
        *["", "/", "/a", "a/", "a//b", ".", "./a", "a/.", "a/./b", "..", "../a", "a/../b", "a/.."],
        *["a\\b", "\\", "a\\*", "[\\", "[a\\]", "a/\\[\\]"],
    ],
)
def test_what_leaves_the_folder_is_no_pattern(glob: str) -> None:
    with pytest.raises(ValueError, match=r"relative to the manifest's folder, without \. and \.\."):
        pattern(glob)
    with pytest.raises(ValueError, match="relative to the manifest's folder"):
        check_pattern(glob)


@pytest.mark.parametrize("glob", ["[z-a]", "[!z-a]", "a/[9-0]/b", "[a--b]", "[é-a]"])
def test_a_range_goes_upwards(glob: str) -> None:
    with pytest.raises(ValueError, match="a range in brackets goes upwards"):
        pattern(glob)
    with pytest.raises(ValueError, match="a range in brackets goes upwards"):
        check_pattern(glob)


TEXT = st.text("ab*?[]!-^\\{}()|+.$& \n\u202eé\udcff", min_size=1, max_size=8)
PATHS = st.lists(TEXT.filter(lambda part: part not in {".", ".."}), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(PATHS.map("/".join), PATHS.map("/".join))
@example("[!a]", "b")
@example("**", "a")
@example("a/**/b", "a/b")
@example("a\\b", "a/b")
@example("[]]", "]")
@example("[\\]", "\\")
def test_escaped_matches_this_very_path(path: str, other: str) -> None:
    assert Globs((escaped(path),)).match(path)
    assert Globs((escaped(path),)).match(other) == (path == other)
