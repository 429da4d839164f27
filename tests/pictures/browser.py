"""A real browser for tests: Debian's Chromium, headless and without any network, driven by playwright.

Without it tests are skipped with the reason; in CI they fail, for there it belongs to the machine.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page

CHROMIUM = os.environ.get("SEEKNAL_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def missing(what: str) -> None:
    """Skip, or in CI fail, because a test cannot be made."""
    text = f"no test of the pictures in a browser: {what} (apt-get install chromium; pip install playwright)"
    if os.environ.get("CI") == "true":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    if not os.path.exists(CHROMIUM):
        missing(f"{CHROMIUM} is not there")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


class Seen:
    """A page that is open, and all that it asked for or complained of."""

    def __init__(self, browser: Browser, path: str, **how: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "offline": True, **how})
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._console)
        self.url = f"file://{path}"
        self.page.goto(self.url)
        self.page.wait_for_selector("html[data-ready]", timeout=30_000)

    def _dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _console(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.wrong.append(said.text)

    @property
    def selected(self) -> str | None:
        """What is selected: `kind.name` or `kind.name/column`."""
        return self.page.evaluate("document.documentElement.dataset.selected || ''")  # type: ignore[no-any-return]

    @property
    def lit(self) -> set[str]:
        """The nodes that are lit."""
        return set(self.page.evaluate("document.documentElement.dataset.lit || ''").split())

    def click(self, node: str) -> None:
        """Click on a node or a bar in the picture."""
        x, y = self.page.evaluate("id => window.seeknal.where(id)", node)
        self.page.mouse.click(x, y)

    def keys(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.page.keyboard.press(key)

    def close(self) -> None:
        """Close the page; it must have asked for nothing and complained of nothing."""
        self.context.close()
        assert [
            url
            for url in self.asked
            if url.partition("#")[0] != self.url.partition("#")[0] and not url.startswith("data:")
        ] == []
        assert self.wrong == []
