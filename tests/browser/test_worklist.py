"""A nurse at the page, in a real Chromium."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from integrations.fhir import proposals
from integrations.ledger import cases
from tests.ward import Ward

LOOKED_MS = 300
pytestmark = [pytest.mark.integration, pytest.mark.browser]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, ward: Ward) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://127.0.0.1:{ward.settings.parts.worklist_port}")
    page = context.new_page()
    page.goto("/")
    page.get_by_role("button", name="Nurse Okafor").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    yield page
    context.close()


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("WARDFLOW_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_an_arrival_appears_by_itself_and_is_approved_by_keyboard(page: Page, ward: Ward) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    expect(page.locator("#live")).to_have_text("Live")
    ward.admit("browser-1", "abdominal pain since noon", name="Ada Testperson", hr=104, rr=22, spo2=96)
    link = page.get_by_role("link", name=re.compile("abdominal pain since noon"))
    expect(link).to_be_visible(timeout=20_000)
    shot(page, "worklist")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Ada Testperson"))).to_be_visible()
    expect(page.get_by_text("HR", exact=True)).to_be_visible()
    shot(page, "case")
    page.wait_for_timeout(LOOKED_MS)
    page.keyboard.press("a")
    expect(page.get_by_role("row", name=re.compile("abdominal pain since noon"))).to_contain_text(
        re.compile("Decided|Written")
    )
    case = ward.ended("browser-1")
    with ward.world.db.read() as tx:
        decided = cases.decision_of(tx, case.case_id)
    assert decided and decided.dwell_ms and LOOKED_MS <= decided.dwell_ms < 60_000, "what the page measured"
    assert ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    assert problems == [], "no script or policy violation"


def test_a_changed_level_and_a_rejection_want_a_reason(page: Page, ward: Ward) -> None:
    row = ward.suggested(ward.admit("browser-2", "sprained wrist", hr=80))
    page.goto(f"/cases/{row['case_id']}")
    page.keyboard.press("2")
    expect(page.get_by_role("radio", name="2 Emergent")).to_be_checked()
    page.get_by_role("button", name="Change level").click()
    expect(page.get_by_role("alert")).to_contain_text("needs another level and a reason")
    page.keyboard.press("2")
    page.keyboard.type("hand is cold and pale")
    page.get_by_role("button", name="Change level").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    assert ward.ended("browser-2").state == "written"
    page.goto(f"/cases/{row['case_id']}")
    expect(page.locator(".decide")).to_contain_text("Change 2 by Nurse Okafor")


def test_an_open_page_follows_new_data_and_a_stale_one_is_refused(page: Page, ward: Ward) -> None:
    row = ward.suggested(ward.admit("browser-3", "dizzy", hr=80, spo2=98))
    page.goto(f"/cases/{row['case_id']}")
    page.get_by_label(re.compile("Reason")).fill("typing while it happens")  # a person who has begun is not interrupted
    ward.chart("browser-3", spo2=85)
    ward.suggested("browser-3", version=2)
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert")).to_contain_text("New data arrived")
    expect(page.get_by_label(re.compile("Reason"))).to_have_value("typing while it happens")
    expect(page.locator("#fact-spo2")).to_contain_text("85")
    shot(page, "refused")
    page.get_by_role("button", name="Reject").click()
    assert ward.ended("browser-3").state == "rejected"


def test_the_page_says_by_itself_which_parts_are_away(page: Page, ward: Ward) -> None:
    parts = page.locator(".parts")
    expect(parts).to_contain_text("Model serving: reasoning")
    expect(parts).not_to_contain_text("AWAY", timeout=20_000)
    shot(page, "all-live")
    with ward.frozen("fhir", "valkey", "temporal"):
        for told in ("CHART AWAY", "TEMPORAL AWAY", "Live updates away"):
            expect(parts).to_contain_text(told, timeout=30_000)
        shot(page, "parts-away")
    expect(parts).not_to_contain_text("away", timeout=30_000)
