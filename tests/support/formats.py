"""What each output format has to hold to, whatever a model is called."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from xml.etree import ElementTree as ET

from onnxguard.reporters.diff.html import DRAWN
from onnxguard.reporters.scan.html import SCRIPT
from support.pages import Page

GRAPHS = DRAWN.script
COMMAND = re.compile(
    r"::(error|warning|notice)( [a-zA-Z]+=[^,:]*(,[a-zA-Z]+=[^,:]*)*)?::[^\r\n]*", re.ASCII
)
PLACE = re.compile(r"##\[|##vso")
UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")


def raw_characters(text: str) -> set[str]:
    """Characters that a terminal, a log or an editor would act on instead of show."""
    return {
        char
        for char in set(text)
        if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    }


def check_document(output_format: str, text: str) -> None:
    """As ``check``, of a kind whose page is that of a document; one that draws has a script."""
    check("text" if output_format == "html" else output_format, text)
    if output_format == "html" and Page(text).scripts:
        check_html(text, GRAPHS)
    elif output_format == "html":
        check_page(text)


def check(output_format: str, text: str) -> None:
    """Assert that the text is a whole, valid and harmless document of the format."""
    assert not raw_characters(text), sorted(map(ascii, raw_characters(text)))
    commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
    assert not PLACE.search(text)
    if output_format == "github":
        assert all(COMMAND.fullmatch(line) for line in commands), commands
    else:
        assert not commands
    CHECKS[output_format](text)


def strings(value: Any) -> Iterator[str]:
    """Every string of a JSON value, keys too."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def load_json(text: str) -> Any:
    """Parse strictly: no NaN, and no string that a consumer could not print or encode."""
    value = json.loads(text, parse_constant=refuse_constant)
    if raw_characters("".join(strings(value))):
        raise AssertionError([ascii(each) for each in strings(value) if raw_characters(each)][:9])
    return value


def check_json(text: str) -> None:
    assert isinstance(load_json(text), dict)


def check_sarif(text: str) -> None:
    log = load_json(text)
    assert log["version"] == "2.1.0"
    for run in log["runs"]:
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        assert len(rules) == len(set(rules))
        for result in run["results"]:
            assert result["ruleId"] in rules
            assert result["message"]["text"]
            assert result["locations"]


def with_rules_that_broke(text: str) -> str:
    """SARIF without the rules that no result is of."""
    log = json.loads(text)
    for run in log["runs"]:
        broken = {result["ruleId"] for result in run["results"]}
        rules = [rule for rule in run["tool"]["driver"]["rules"] if rule["id"] in broken]
        run["tool"]["driver"]["rules"] = rules
        for result in run["results"]:
            result["ruleIndex"] = [rule["id"] for rule in rules].index(result["ruleId"])
    return json.dumps(log, indent=2) + "\n"


def check_junit(text: str) -> None:
    root = ET.fromstring(text.encode())
    assert root.tag == "testsuites"
    assert {element.tag for element in root.iter()} <= {
        "testsuites",
        "testsuite",
        "testcase",
        "properties",
        "property",
        "failure",
        "error",
        "system-out",
    }
    assert len(root.findall(".//testcase")) == int(root.attrib["tests"])


def without_code_spans(line: str) -> str:
    """The line as CommonMark sees it once code spans are taken out."""
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", line)


def check_markdown(text: str) -> None:
    columns = 0
    for line in text.splitlines():
        rest = without_code_spans(line)
        tags = set(re.findall(r"<[^>]*>?", rest))
        assert tags <= {"<details>", "</details>", "<summary>", "</summary>", "<br>"}, line
        assert "](" not in rest, line
        assert "`" not in rest, line
        cells = len(UNESCAPED_PIPE.findall(line)) if line.startswith("|") else 0
        assert not (cells and columns) or cells == columns, line
        columns = cells


def check_text(text: str) -> None:
    assert text.endswith("\n")


TAGS = """
    a article body button caption code dd div dl dt footer g h1 h2 h3 h4 head header html input
    label li main meta nav p path rect script section span strong style svg table tbody td text
    th thead title tr ul
"""
ATTRIBUTES = """
    aria-hidden aria-label aria-live aria-pressed aria-sort autocomplete charset class content d
    data-label data-model data-models data-node data-total data-unit data-value data-verdict
    data-zoom height hidden href http-equiv id lang name
    role rx scope spellcheck tabindex title type viewbox width x xmlns y
"""
PLAIN_WORDS = re.compile(r"[a-z0-9 -]*", re.ASCII)


def check_html(text: str, script: str = SCRIPT) -> None:
    """A page that is whole, that a browser lets load nothing, and that holds one known script."""
    page = Page(text)
    assert page.declarations == ["DOCTYPE html"]
    assert {tag for tag, _ in page.elements} <= set(TAGS.split())
    assert {key for _, attributes in page.elements for key in attributes} <= set(ATTRIBUTES.split())
    assert page.scripts == [script]
    (policy,) = (meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    hashes = [base64.b64encode(sha256(part.encode()).digest()) for part in (page.styles, script)]
    assert policy == (
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; "
        "form-action 'none'".format(*(digest.decode() for digest in hashes))
    )
    assert "url(" not in page.styles
    assert "@import" not in page.styles
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for key in (
            "class",
            "id",
            "data-verdict",
            "data-value",
            "data-models",
            "data-node",
            "data-zoom",
        ):
            assert PLAIN_WORDS.fullmatch(attributes.get(key, "")), attributes
        if "href" in attributes:
            assert attributes["href"].startswith("#")
            assert attributes["href"][1:] in ids, attributes
    assert all(th["scope"] in {"row", "col"} for th in page.all("th"))


CHECKS = {
    "text": check_text,
    "json": check_json,
    "sarif": check_sarif,
    "junit": check_junit,
    "github": check_text,
    "markdown": check_markdown,
    "html": check_html,
}


PAGE_TAGS = """
    a article body caption code dd div dl dt figcaption figure h1 h2 h3 h4 head html img li main
    meta p pre section span strong style table tbody td th thead title tr ul
"""
PAGE_ATTRIBUTES = """
    alt aria-label charset class colspan content data-label height href http-equiv id lang name role
    scope src style tabindex width
"""


def check_page(text: str) -> None:
    """The page of a document: whole, asks for nothing, and can be read without seeing it."""
    page = Page(text)
    assert page.declarations == ["DOCTYPE html"]
    assert {tag for tag, _ in page.elements} <= set(PAGE_TAGS.split())
    names = {key for _, attributes in page.elements for key in attributes}
    assert names <= set(PAGE_ATTRIBUTES.split())
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    policies = [m["content"] for m in page.all("meta") if "http-equiv" in m]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert "url(" not in text
    assert "@import" not in text
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):  # what is no part of the page is a picture that lies beside it
        assert link["href"].removeprefix("#") in ids or re.fullmatch(r"[\w%.~-]+png", link["href"])
    for image in page.all("img"):
        assert image["src"].startswith("data:image/png;base64,iVBORw0KGgo")
        assert image["alt"]
    assert all(th["scope"] in {"row", "col"} for th in page.all("th"))
    for _, attributes in page.elements:
        assert re.fullmatch(r"((width|left|top):\d+\.\d+%;?)*", attributes.get("style", ""))
