"""One Chromium for each module, and the nurse's page of its ward."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import FLAGS, signed_in
from tests.ward import Ward

# Longer than what a person's answer may take: the look at the evidence, the ledger's lock, the workflow.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    """Return more flags; a module may have its own."""
    return ()


@pytest.fixture(scope="module")
def browser(flags: tuple[str, ...]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *flags])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, ward: Ward) -> Iterator[Page]:
    page = signed_in(browser, f"http://127.0.0.1:{ward.settings.parts.worklist_port}")
    yield page
    page.context.close()
