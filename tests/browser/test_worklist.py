"""A nurse at the page, in a real Chromium."""

import re

import pytest
from playwright.sync_api import Page, expect

from contracts.decisions import Decision, DecisionKind
from integrations.fhir import proposals
from integrations.ledger import decisions
from tests.browser.chromium import armed, lost_after_s, shot
from tests.ward import Ward

LOOKED_MS = 300
pytestmark = [pytest.mark.integration, pytest.mark.browser]


def test_an_arrival_appears_by_itself_and_is_approved_by_keyboard(page: Page, ward: Ward) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    expect(page.locator("#live")).to_have_text("Live")
    ward.admit("browser-1", "abdominal pain since noon", name="Ada Testperson", hr=104, rr=22, spo2=96)
    link = page.get_by_role("link", name=re.compile("abdominal pain since noon"))
    expect(link).to_be_visible()
    shot(page, "worklist")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Ada Testperson"))).to_be_visible()
    expect(page.get_by_text("HR", exact=True)).to_be_visible()
    shot(page, "case")
    armed(page).wait_for_timeout(LOOKED_MS)
    page.keyboard.press("a")
    expect(page.get_by_role("row", name=re.compile("abdominal pain since noon"))).to_contain_text(
        "approved by Nurse Okafor"
    )
    case = ward.ended("browser-1")
    decided = decision_of(ward, case.case_id)
    assert decided and decided.dwell_ms and LOOKED_MS <= decided.dwell_ms < 60_000, "what the page measured"
    assert ward.world.fhir.read("Observation", proposals.resource_id(case.ref, "result"))
    assert problems == [], "no script or policy violation"


def decision_of(ward: Ward, case_id: str) -> Decision | None:
    with ward.world.records.db.read() as tx:
        return decisions.of_case(tx, case_id)


def test_a_digit_a_reason_and_enter_write_the_chosen_level_and_never_the_suggested_one(page: Page, ward: Ward) -> None:
    row = ward.suggested(ward.admit("browser-2", "sprained wrist", hr=80))
    page.goto(f"/cases/{row['case_id']}")
    armed(page).keyboard.press("2")
    expect(page.get_by_role("radio", name="2 Emergent")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("A change needs a reason")
    page.keyboard.type("hand is cold and pale")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    ended = ward.ended("browser-2")
    assert ended.state == "written"
    decided = decision_of(ward, ended.case_id)
    assert decided and (decided.kind, decided.selected) == (DecisionKind.CHANGE, "2")
    written = ward.world.fhir.read("Observation", proposals.resource_id(ended.ref, "result"))
    assert written["valueCodeableConcept"]["coding"][0]["code"] == "2"
    page.goto(f"/cases/{row['case_id']}")
    expect(page.locator(".decide")).to_contain_text("Level 2 recorded instead by Nurse Okafor")
    expect(page.locator(".decide")).to_contain_text("In the chart.")


def test_x_a_reason_and_enter_reject(page: Page, ward: Ward) -> None:
    row = ward.suggested(ward.admit("browser-4", "cough", hr=80))
    page.goto(f"/cases/{row['case_id']}")
    armed(page).keyboard.press("x")
    page.keyboard.type("wrong patient")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    assert ward.ended("browser-4").state == "rejected"


def test_an_open_page_says_what_changed_and_is_answered_only_when_that_was_seen(page: Page, ward: Ward) -> None:
    row = ward.suggested(ward.admit("browser-3", "dizzy", hr=80, spo2=98))
    page.goto(f"/cases/{row['case_id']}")
    ward.chart("browser-3", spo2=85)
    expect(page.get_by_role("alert")).to_contain_text("SpO2 98 → 85 %")
    shot(page, "changed")
    page.keyboard.press("a")
    expect(page.locator("#fact-spo2")).to_contain_text("98")
    page.wait_for_timeout(1000)
    page.keyboard.press("Enter")
    expect(page.locator("#fact-spo2")).to_contain_text("85")
    assert decision_of(ward, row["case_id"]) is None
    expect(armed(page).get_by_role("button", name=re.compile("Approve"))).to_be_enabled()
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    decided = decision_of(ward, row["case_id"])
    assert decided and decided.version > row["version"]


def test_live_disappears_within_5_s_of_a_worklist_that_hangs(page: Page, ward: Ward) -> None:
    live = page.locator("#live")
    expect(live).to_have_text("Live")
    with ward.frozen("worklist"):
        assert lost_after_s(page) < 5
    expect(live).to_have_text("Live")


def test_the_page_says_by_itself_which_parts_are_away(page: Page, ward: Ward) -> None:
    parts = page.locator(".parts")
    expect(parts).to_contain_text("Model serving: reasoning")
    expect(parts).not_to_contain_text("AWAY")
    shot(page, "all-live")
    with ward.frozen("fhir", "valkey", "temporal"):
        for told in ("CHART AWAY", "TEMPORAL AWAY", "Live updates away"):
            expect(parts).to_contain_text(told, timeout=30_000)
        shot(page, "parts-away")
    expect(parts).not_to_contain_text("away", timeout=30_000)
