"""A real Chromium without a window, and pages in it that tell what they did."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from support.patience import HANG

DESKTOP = {"width": 1200, "height": 900}
PHONE = {"width": 360, "height": 740}
LATEST = HANG * 1000
"""Milliseconds."""

expect.set_options(timeout=LATEST)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; without one the test fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "install Chromium (Debian: apt-get install chromium)"
    # A container runs tests as root and has little shared memory.
    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags, timeout=LATEST)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, path: Path, fragment: str = "", **context: Any) -> Iterator[Page]:
    """Open a file. It may ask for nothing else, print nothing and raise nothing."""
    said: list[str] = []
    asked: list[str] = []
    with browser.new_context(**{"viewport": DESKTOP, **context}) as made:
        made.set_default_timeout(LATEST)
        page = made.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{path.as_uri()}{fragment}")
        yield page
        assert said == []
        assert {url.partition("#")[0] for url in asked} == {path.as_uri()}


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2 has it."""
    values = [int(value) / 255 for value in re.findall(r"\d+", color)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(color: str, behind: str) -> float:
    """How well the one is seen on the other, 1 to 21."""
    low, high = sorted([luminance(color), luminance(behind)])
    return (high + 0.05) / (low + 0.05)
