"""A nurse who dictates, hears, corrects and files a note, in a real Chromium."""

import math
import re
import struct
import wave
from collections.abc import Iterator
from io import BytesIO

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import armed, shot, signed_in
from tests.dictated_notes import ended, media, note_row, written
from tests.fakes.scribe import Scribe
from tests.ward import Ward

pytestmark = [pytest.mark.integration, pytest.mark.browser]
SAID = (
    "Fifty five year old woman presents with palpitations since this morning. Heart rate 138, "
    "blood pressure 85 over 50. She takes metoprolol 50 milligrams daily. "
    "She takes hydralazine 25 milligrams twice daily."
)
OTHERWISE = SAID.replace("50 milligrams", "15 milligrams").replace("hydralazine", "hydroxyzine")
SPOKEN_MS = 900


@pytest.fixture
def ward(spoken_ward: Ward, scribe: Scribe) -> Ward:
    scribe.mode = "good"
    scribe.says(SAID, OTHERWISE)
    return spoken_ward


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"


@pytest.fixture
def page(browser: Browser, ward: Ward) -> Iterator[Page]:
    address = f"http://127.0.0.1:{ward.settings.parts.worklist_port}"
    page = signed_in(browser, address, permissions=["microphone"])
    page.problems = []  # pyright: ignore[reportAttributeAccessIssue]
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    expect(page.locator("#live")).to_have_text("Live")
    yield page
    page.context.close()


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
    metoprolol = page.get_by_role("group", name=re.compile("Medication, check: number heard differently"))
    expect(metoprolol.get_by_role("textbox")).to_have_value("metoprolol 50 milligrams daily")
    expect(page.locator(".marks")).to_have_text("2 marks left")
    shot(page, "note")
    armed(page).keyboard.press("a")
    expect(page.locator(".marks")).to_have_text("Listen to it, then confirm it, or type what was said: 2 marks left.")
    expect(metoprolol.get_by_role("checkbox", name="I listened: this is correct")).to_be_focused()
    assert page.url.endswith(row["case_id"]), "nothing is filed while a mark is open"
    shot(page, "note-refused")
    page.keyboard.press("p")
    page.wait_for_function("() => !document.querySelector('audio').paused")
    begun = page.evaluate("() => document.querySelector('audio').currentTime")
    assert begun >= 7, "from the seconds in which it was said"
    page.keyboard.press("o")
    expect(metoprolol.get_by_role("textbox")).to_have_value("metoprolol 15 milligrams daily")
    expect(metoprolol.get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("n")
    hydralazine = page.get_by_role("group", name=re.compile("Medication, check: drug name heard differently"))
    expect(hydralazine.get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("Space")
    expect(hydralazine.get_by_role("checkbox")).to_be_checked()
    shot(page, "note-answered")
    page.get_by_text("Add what was not heard").click()
    page.get_by_role("textbox", name="Oxygen saturation, %").fill("unknown")
    page.get_by_text("Add what was not heard").focus()
    page.keyboard.press("a")
    expect(page.locator(".marks")).to_have_text("Oxygen saturation, %: type it as a number.")
    page.get_by_role("textbox", name="Oxygen saturation, %").fill("97%")
    page.get_by_text("Add what was not heard").focus()
    page.keyboard.press("n")
    expect(page.get_by_role("button", name="File note")).to_be_focused()
    armed(page).keyboard.press("a")
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
    armed(page).keyboard.down("d")
    button = page.get_by_role("button", name=re.compile(r"Recording for Bea Testperson · dizzy \(56 female\)"))
    expect(button).to_have_attribute("aria-pressed", "true")
    shot(page, "speaking")
    page.wait_for_timeout(SPOKEN_MS)
    page.keyboard.up("d")
    expect(page.locator(".spoken")).to_have_text(
        "In the chart for Bea Testperson · dizzy (56 female). The note appears in the list."
    )
    row = note_row(ward, encounter)
    assert scribe.audio[-1].startswith(b"\x1aE\xdf\xa3"), "what the browser recorded, as Matroska"
    page.goto(f"/cases/{row['case_id']}")
    page.get_by_role("button", name=re.compile("Play.* Heart rate")).click()
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0")
    assert page.problems == []  # pyright: ignore[reportAttributeAccessIssue]


def test_enter_in_no_field_of_a_note_files_it(page: Page, ward: Ward, scribe: Scribe) -> None:
    scribe.says("Presents with cough. Pulse 70.")
    encounter = ward.admit("page-enter")
    ward.send(media(encounter, tone(4), contentType="audio/wav"))
    row = note_row(ward, encounter)
    page.goto(f"/cases/{row['case_id']}")
    page.get_by_text("Add what was not heard").click()
    fields = page.locator(".item input, .item textarea").all()
    assert len(fields) >= 7
    for field in fields:
        field.focus()
        page.keyboard.press("End")
        if field.get_attribute("type") != "checkbox":
            page.keyboard.type("1")
        page.keyboard.press("Enter")
    page.wait_for_timeout(SPOKEN_MS)
    assert page.url.endswith(row["case_id"])
    assert note_row(ward, encounter)["state"] == "open", "nothing was filed"


def test_a_value_that_can_hardly_be_right_is_typed_and_no_key_confirms_it(
    page: Page, ward: Ward, scribe: Scribe
) -> None:
    loop = "paracetamol, amoxicillin, amoxicillin, amoxicillin, enoxaparin, amoxicillin"
    scribe.says("Saturation 9 percent. Takes amoxicillin 500 mg.", f"Saturation 9 percent. Takes {loop} 500 mg.")
    encounter = ward.admit("page-nine", name="Nina Testperson")
    ward.send(media(encounter, tone(6), contentType="audio/wav"))
    row = note_row(ward, encounter)
    page.goto(f"/cases/{row['case_id']}")
    saturation = page.get_by_role("group", name=re.compile("Oxygen saturation.*hardly be right"))
    field = saturation.get_by_role("textbox")
    expect(field).to_have_value("")
    expect(saturation).to_contain_text("Heard: “Saturation 9 percent”")
    expect(page.locator(".items")).not_to_contain_text("enoxaparin")
    shot(page, "note-implausible")
    armed(page).keyboard.press("n")
    expect(saturation.get_by_role("button")).to_be_focused()
    page.keyboard.press("Space")
    page.wait_for_function("() => !document.querySelector('audio').paused")
    page.keyboard.press("o")
    page.keyboard.press("a")
    expect(page.locator(".marks")).to_contain_text("2 marks left")
    expect(field).to_have_value("")
    page.get_by_role("group", name=re.compile("Medication, check")).get_by_role("checkbox").check()
    expect(page.locator(".marks")).to_have_text("1 mark left")
    saturation.get_by_role("checkbox", name="leave it out of the note").check()
    expect(page.locator(".marks")).to_have_text("No mark left")
    field.fill("94")
    expect(saturation.get_by_role("checkbox")).not_to_be_checked()
    armed(page).get_by_role("button", name="File note").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    _, observed = written(ward, ended(ward, encounter))
    assert observed["59408-5"]["valueQuantity"]["value"] == 94
    assert page.problems == []  # pyright: ignore[reportAttributeAccessIssue]


def test_on_the_list_a_dictation_belongs_to_the_focused_row_or_to_nobody(page: Page, ward: Ward) -> None:
    first, second = (ward.admit(f"page-same-{n}", "sore throat", name="Cleo Testperson", hr=80) for n in (1, 2))
    rows = {stay: ward.suggested(stay) for stay in (first, second)}
    page.goto("/")
    button, spoken = page.locator("[data-speak] button").first, page.locator(".spoken")
    expect(button).to_have_text(re.compile(r"Choose a patient first \(j, k\)"))
    expect(button).to_be_disabled()
    page.keyboard.press("d")
    expect(spoken).to_have_text("Choose a patient first (j, k).")

    row = page.locator(f"#row-{rows[second]['case_id']}")
    row.get_by_role("link").focus()
    named = "Cleo Testperson · sore throat (56 female) · stay e-same-2"
    expect(button).to_have_text(re.compile(re.escape(f"Dictate for {named}")))
    expect(row).to_have_class(re.compile("chosen"))
    shot(page, "worklist-chosen")
    page.keyboard.down("d")
    expect(button).to_have_text(re.compile(re.escape(f"Recording for {named}, release to stop")))
    page.keyboard.press("k")  # the focus moves on; the recording does not
    ward.suggested(ward.admit("page-arrival", "wheezing", name="Dora Testperson", rr=34))
    expect(page.get_by_role("link", name=re.compile("Dora Testperson"))).to_be_visible()
    expect(button).to_have_text(re.compile(re.escape(f"Recording for {named}, release to stop")))
    shot(page, "worklist-recording")
    page.keyboard.up("d")
    expect(spoken).to_have_text(f"In the chart for {named}. The note appears in the list.")
    note_row(ward, second)
    assert ward.world.fhir.search(f"Media?encounter=Encounter/{first}") == []

    row.get_by_role("link").focus()
    button.focus()
    expect(button).to_have_text(re.compile(re.escape(f"Dictate for {named}")))
    page.keyboard.press("Enter")
    expect(button).to_have_text(re.compile(re.escape(f"Recording for {named}, press again to stop")))
    expect(button).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(SPOKEN_MS)
    page.keyboard.press("Enter")
    expect(spoken).to_contain_text(f"In the chart for {named}")

    # the second recording is news of the stay: what is open may be stale for a moment
    ward.until(lambda: ward.decide(ward.suggested(second)).status_code == 200)
    ward.ended(second)
    expect(button).to_have_text(re.compile("Choose a patient first"))
    expect(page.locator("tr.chosen")).to_have_count(0)
    assert page.problems == []  # pyright: ignore[reportAttributeAccessIssue]


def test_what_was_dictated_for_a_case_that_was_decided_meanwhile_stays_with_the_person(page: Page, ward: Ward) -> None:
    encounter = ward.admit("page-late", "back pain", name="Eda Testperson", hr=80)
    row = ward.suggested(encounter)
    page.goto("/")
    page.locator(f"#row-{row['case_id']}").get_by_role("link").focus()
    page.keyboard.down("d")
    button = page.locator("[data-speak] button").first
    expect(button).to_have_attribute("aria-pressed", "true")
    assert ward.decide(row).status_code == 200
    ward.ended(encounter)
    expect(button).to_have_text(re.compile("Recording for Eda Testperson"))
    page.wait_for_timeout(SPOKEN_MS)
    page.keyboard.up("d")
    expect(page.locator(".spoken")).to_contain_text(
        "Not sent for Eda Testperson · back pain (56 female). This case is not"
    )
    expect(page.get_by_role("button", name="Send again")).to_be_visible()
    page.get_by_role("button", name="Discard the recording").click()
    expect(page.get_by_role("button", name="Send again")).to_be_hidden()
    assert ward.world.fhir.search(f"Media?encounter=Encounter/{encounter}") == []


@pytest.mark.parametrize("width", [360, 1440])
def test_a_note_can_be_read_and_typed_at_any_width(page: Page, ward: Ward, scribe: Scribe, width: int) -> None:
    encounter = ward.admit(f"page-wide-{width}")
    ward.send(media(encounter, tone(4) + bytes(width), contentType="audio/wav"))
    row = note_row(ward, encounter)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/cases/{row['case_id']}")
    widths = [field.bounding_box() for field in page.locator(".item textarea, .item input:not([type])").all()]
    assert all(box["width"] >= 150 for box in widths if box)
    shot(page, f"note-{width}")
    for play in page.locator(".play").all():
        assert play.get_attribute("aria-label") is None, "its name is what it shows, and the item's"
