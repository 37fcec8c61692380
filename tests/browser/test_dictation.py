"""A nurse who dictates, hears, corrects and files a note, in a real Chromium."""

import math
import re
import struct
import wave
from collections.abc import Iterator
from io import BytesIO

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.test_worklist import FLAGS, shot
from tests.fakes.scribe import Scribe
from tests.integration.test_dictation import ended, media, note_row, written
from tests.ward import Ward

pytestmark = [pytest.mark.integration, pytest.mark.browser]
SAID = (
    "Fifty five year old woman presents with palpitations since this morning. Heart rate 138, "
    "blood pressure 85 over 50. She takes metoprolol 50 milligrams daily. "
    "She takes hydralazine 25 milligrams twice daily."
)
OTHERWISE = SAID.replace("50 milligrams", "15 milligrams").replace("hydralazine", "hydroxyzine")
SPOKEN_MS = 900
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture
def ward(spoken_ward: Ward, scribe: Scribe) -> Ward:
    scribe.mode = "good"
    scribe.says(SAID, OTHERWISE)
    return spoken_ward


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *MICROPHONE])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, ward: Ward) -> Iterator[Page]:
    base = f"http://127.0.0.1:{ward.settings.parts.worklist_port}"
    context = browser.new_context(base_url=base, permissions=["microphone"])
    page = context.new_page()
    page.problems = []  # pyright: ignore[reportAttributeAccessIssue]
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    page.goto("/")
    page.get_by_role("button", name="Nurse Okafor").click()
    expect(page.locator("#live")).to_have_text("Live")
    yield page
    context.close()


def tone(seconds: float) -> bytes:
    """Return a sound that a browser plays."""
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        levels = (round(9000 * math.sin(n / 3)) for n in range(round(8000 * seconds)))
        file.writeframes(b"".join(struct.pack("<h", level) for level in levels))
    return out.getvalue()


def test_a_marked_drug_is_corrected_and_the_note_filed_by_keyboard_alone_and_triage_comes_back(
    page: Page, ward: Ward
) -> None:
    encounter = ward.admit("page-1", "palpitations", name="Ada Testperson", hr=88)
    triage = ward.suggested(encounter)
    ward.send(media(encounter, tone(20), contentType="audio/wav"))
    row = note_row(ward, encounter)
    page.goto(f"/cases/{row['case_id']}")
    expect(page.get_by_role("heading", name=re.compile("Ada Testperson"))).to_be_visible()
    metoprolol = page.get_by_role("group", name=re.compile("Medication, marked")).first
    expect(metoprolol.get_by_role("textbox")).to_have_value("metoprolol 50 milligrams daily")
    shot(page, "note")
    page.keyboard.press("a")
    assert page.url.endswith(row["case_id"]), "nothing is filed while a mark is open"
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Suggestion").click()

    page.keyboard.press("n")
    expect(metoprolol.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("p")
    page.wait_for_function("() => !document.querySelector('audio').paused")
    begun = page.evaluate("() => document.querySelector('audio').currentTime")
    assert begun >= 7, "from the seconds in which it was said"
    page.keyboard.press("o")
    expect(metoprolol.get_by_role("textbox")).to_have_value("metoprolol 15 milligrams daily")
    expect(metoprolol.get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("n")
    hydralazine = page.get_by_role("group", name=re.compile("Medication, marked")).nth(1)
    expect(hydralazine.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Space")
    expect(hydralazine.get_by_role("checkbox")).to_be_checked()
    shot(page, "note-answered")
    page.get_by_text("Add what was not heard").click()
    page.get_by_role("textbox", name="Oxygen saturation, %").fill("97%")
    page.get_by_text("Add what was not heard").focus()
    page.keyboard.press("n")
    expect(page.get_by_role("button", name=re.compile("Approve 1"))).to_be_focused()
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    text, _ = written(ward, ended(ward, encounter))
    assert "metoprolol 15 milligrams daily" in text and "hydralazine 25 milligrams twice daily" in text

    again = ward.suggested(encounter, version=triage["version"] + 1)
    page.goto(f"/cases/{again['case_id']}")
    expect(page.locator("#fact-hr")).to_contain_text("138")
    expect(page.locator("#fact-sbp")).to_contain_text("85")
    expect(page.locator("#fact-spo2")).to_contain_text("97")
    shot(page, "triage-again")
    page.goto(f"/cases/{row['case_id']}")
    expect(page.locator("dl.filed")).to_contain_text("metoprolol 15 milligrams daily corrected")
    shot(page, "note-filed")
    assert page.problems == [], "no script or policy violation"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_nurse_holds_a_key_and_speaks_and_the_note_comes_by_itself(page: Page, ward: Ward, scribe: Scribe) -> None:
    encounter = ward.admit("page-2", "dizzy", name="Bea Testperson", hr=80)
    triage = ward.suggested(encounter)
    page.goto(f"/cases/{triage['case_id']}")
    page.keyboard.down("d")
    expect(page.get_by_role("button", name=re.compile("Recording"))).to_have_attribute("aria-pressed", "true")
    shot(page, "speaking")
    page.wait_for_timeout(SPOKEN_MS)
    page.keyboard.up("d")
    expect(page.locator(".spoken")).to_contain_text("In the chart")
    row = note_row(ward, encounter)
    assert scribe.audio[-1].startswith(b"\x1aE\xdf\xa3"), "what the browser recorded, as Matroska"
    page.goto(f"/cases/{row['case_id']}")
    page.get_by_role("button", name="Play Heart rate").click()
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0")
    assert page.problems == []  # pyright: ignore[reportAttributeAccessIssue]


def test_on_the_worklist_a_nurse_chooses_the_patient_and_presses_once_to_begin_and_once_to_end(
    page: Page, ward: Ward
) -> None:
    encounter = ward.admit("page-3", "sore throat", name="Cleo Testperson", hr=80)
    ward.suggested(encounter)
    page.goto("/")
    page.get_by_label("Patient").select_option(label="Cleo Testperson · sore throat (56 female)")
    speak = page.locator("[data-speak] button").first
    speak.focus()
    page.keyboard.press("Enter")
    expect(speak).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(SPOKEN_MS)
    page.keyboard.press("Enter")
    expect(page.locator(".spoken")).to_contain_text("In the chart")
    expect(page.get_by_role("link", name=re.compile("Cleo Testperson · Dictated note"))).to_be_visible(timeout=20_000)
    shot(page, "worklist-dictation")
    note_row(ward, encounter)
