"""A charge nurse at the page, after the first decision of a stay, in a real Chromium."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from integrations.fhir import proposals
from integrations.ledger import cases
from integrations.ledger.cases import CaseRow
from tests.browser.chromium import armed, shot, signed_in
from tests.fakes.lab import result
from tests.ward import Resource, Ward

SECONDS = 10.0
"""Within which a person is to see a further critical result; the window takes one, the agent some."""
SETTLE_MS = 1000
"""A little longer than a page waits after news before a key counts."""
pytestmark = [pytest.mark.integration, pytest.mark.browser]


@pytest.fixture
def charge(browser: Browser, ward: Ward) -> Iterator[Page]:
    page = signed_in(browser, f"http://127.0.0.1:{ward.settings.parts.worklist_port}", "Charge nurse Lindqvist")
    yield page
    page.context.close()


def critical(encounter: str, code: str, value: float, flag: str, **more: Any) -> Resource:
    return result(encounter, code, value, "mmol/L", interpretation=[{"coding": [{"code": flag}]}], **more)


def of_lab(ward: Ward, encounter: str) -> CaseRow | None:
    with ward.world.records.db.read() as tx:
        return cases.latest(tx, "result_followup", encounter)


def approved_by_key(page: Page, ward: Ward, encounter: str) -> CaseRow:
    """Approve what is shown of the potassium; return its case once it is in the chart."""
    page.get_by_role("link", name=re.compile(f"{encounter.title()}.*Potassium 7.2")).click()
    armed(page).keyboard.press("a")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    case = of_lab(ward, encounter)
    assert case is not None
    return ward.ended(encounter, case_id=case.case_id)


def test_the_next_critical_result_is_seen_within_seconds_with_what_is_new_marked(charge: Page, ward: Ward) -> None:
    ward.admit("next", "weakness", name="Next", hr=64)
    ward.send(critical("next", "2823-3", 7.2, "HH"))
    approved_by_key(charge, ward, "next")
    begun = time.monotonic()
    ward.send(critical("next", "2345-7", 1.1, "LL"))
    row = charge.get_by_role("row", name=re.compile("Next.*Glucose 1.1"))
    expect(row).to_contain_text("NEW since Charge nurse Lindqvist (demo) decided: Glucose 1.1 mmol/L")
    assert time.monotonic() - begun < SECONDS
    row.get_by_role("link").click()
    expect(charge.get_by_role("heading", name="Decided before in this stay")).to_be_visible()
    marked = charge.locator(".facts tr", has=charge.get_by_text("NEW", exact=True))
    expect(marked.filter(has_text="Glucose").first).to_be_visible()
    expect(marked.filter(has_text="Potassium")).to_have_count(0)
    shot(charge, "news-second-critical")


def test_a_corrected_result_is_answered_by_keys_and_what_was_written_is_withdrawn(charge: Page, ward: Ward) -> None:
    ward.admit("revised", "weakness", name="Revised", hr=64)
    ward.send(critical("revised", "2823-3", 7.2, "HH"))
    case = approved_by_key(charge, ward, "revised")
    ward.send(critical("revised", "2823-3", 4.2, "N", status="corrected"))
    row = charge.get_by_role("row", name=re.compile("Revised.*CHANGED since it was decided"))
    shot(charge, "news-list")
    row.get_by_role("link").click()
    expect(charge.locator(".earlier")).to_contain_text("Decided on Potassium 7.2 mmol/L")
    shot(charge, "news-revision")
    armed(charge).keyboard.press("x")  # a habit: there is nothing to reject
    charge.keyboard.press("w")
    charge.keyboard.press("Enter")
    expect(charge.get_by_role("alert").filter(has_text="A withdrawal needs a reason")).to_be_visible()
    charge.keyboard.type("haemolysed sample")
    charge.keyboard.press("Enter")
    expect(charge.get_by_role("heading", name="Worklist")).to_be_visible()
    order = proposals.resource_id(case.ref, "result")
    ward.until(lambda: ward.world.fhir.read("Task", order)["status"] == "cancelled")
    charge.goto(f"/cases/{case.case_id}")
    expect(charge.get_by_text("Correct this decision")).not_to_be_visible()


def test_a_decision_is_corrected_and_what_nobody_decided_is_noted_by_one_key_each(page: Page, ward: Ward) -> None:
    ward.admit("mended", "cough", name="Mended", hr=70)
    row = ward.suggested("mended")
    assert ward.decide(row).status_code == 200
    ward.ended("mended")
    page.goto(f"/cases/{row['case_id']}")
    armed(page).keyboard.press("c")
    page.wait_for_url(lambda url: url.rstrip("/").split("/")[-1] != row["case_id"])
    expect(page.get_by_role("button", name="See it")).to_be_visible()
    page.wait_for_timeout(SETTLE_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_text("to correct what was decided")).to_be_visible()
    shot(page, "news-correction")
    armed(page).keyboard.press("s")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    ward.ended("mended")
    ward.admit("gone", "chest pain", name="Gone", spo2=84)
    ward.suggested("gone")
    stay = ward.world.fhir.read("Encounter", "gone")
    ward.send({k: v for k, v in stay.items() if k != "meta"} | {"status": "finished"})
    ended = ward.ended("gone")
    listed = page.get_by_role("row", name=re.compile("Gone.*NOBODY DECIDED"))
    listed.get_by_role("link").click()
    shot(page, "news-nobody-decided")
    armed(page).keyboard.press("n")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    with ward.world.records.db.read() as tx:
        assert ended.case_id not in cases.unnoticed_ids(tx)
