"""How the tests open the pages in a real Chromium."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def signed_in(browser: Browser, address: str, person: str = "Nurse Okafor", **options: Any) -> Page:
    """Return the worklist as that person sees it, in a context of its own with these options."""
    page = browser.new_context(base_url=address, **options).new_page()
    page.goto("/")
    page.get_by_role("button", name=person).click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    return page


def armed(page: Page) -> Page:
    """Return a case's page once its keys answer: its script has run, no news stands unseen, no key is settling."""
    expect(page.locator("main[data-armed=yes]")).to_be_attached()
    return page


def lost_after_s(page: Page) -> float:
    """Return the seconds from now until the page says that its connection is lost, looked at in every frame."""
    begun = page.evaluate("() => performance.now()")
    said = "() => document.getElementById('live').textContent.startsWith('Connection lost') && performance.now()"
    return (page.wait_for_function(said, timeout=10_000).json_value() - begun) / 1000


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page where the environment names a folder for it."""
    folder = os.environ.get("WARDFLOW_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
