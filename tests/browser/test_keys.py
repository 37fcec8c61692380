"""Keys in a real Chromium, on the pages alone: Enter means the answer that was chosen, or nothing."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

from contracts.cases import CaseState
from contracts.decisions import DecisionKind
from contracts.dictation import Note, NoteItem, NoteSection
from contracts.errors import Refusal
from contracts.suggestions import Choice, MadeBy, Support
from integrations import clock
from integrations.ledger import cases, inbox
from tests.browser.chromium import armed, lost_after_s, shot, signed_in
from tests.fakes.page_ward import PageWard
from tests.fakes.samples import NURSE, PHYSICIAN, decision, event, facts

pytestmark = [pytest.mark.integration, pytest.mark.browser]
NOTHING_PROPOSED: dict[str, Any] = {"selected": None, "made_by": MadeBy.RULES, "support": Support.RULES_ONLY}
WORDS = "walks normally"
FIELDS = "main form :is(input:not([type=hidden]), textarea, select)"
UNDO_S = 60.0
SENT_MS = 120  # a form that is sent is on its way by then


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PageWard, str]]:
    ward = PageWard(tmp_path_factory.mktemp("pages"), UNDO_S)
    with ward.served() as address:
        yield ward, address


@pytest.fixture
def ward(served: tuple[PageWard, str]) -> PageWard:
    ward, _ = served
    ward.live.silent, ward.sent.refuses_undo, ward.sent.undone = False, None, []
    return ward


@pytest.fixture
def page(browser: Browser, served: tuple[PageWard, str]) -> Iterator[Page]:
    page = signed_in(browser, served[1])
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda fault: problems.append(str(fault)))
    yield page
    page.context.close()
    assert problems == [], "no script or policy violation"


@pytest.fixture
def without_scripts(browser: Browser, served: tuple[PageWard, str]) -> Iterator[Page]:
    page = signed_in(browser, served[1], java_script_enabled=False)
    yield page
    page.context.close()


NAMES = (f"{n:040x}" for n in range(10_000))  # as case ids are


def opened(page: Page, ward: PageWard, name: str = "", **shown: Any) -> str:
    """Show a new case and open its page."""
    case_id = name or next(NAMES)
    ward.show(case_id, **shown)
    page.goto(f"/cases/{case_id}")
    return case_id


def answer_by_enter(page: Page, field: Locator) -> None:
    """Fill a field in, as far as that goes, and press Enter in it."""
    kind, posts = field.get_attribute("type"), list[Request]()
    page.on("request", lambda request: posts.append(request) if request.method == "POST" else None)
    if kind in ("radio", "checkbox"):
        field.check()
    elif field.evaluate("field => field.matches('input, textarea')"):
        field.fill(WORDS)
    field.press("Enter")
    page.wait_for_timeout(SENT_MS)
    for post in posts:
        assert post.response()
    page.wait_for_load_state()


def assert_own_answer_or_none(ward: PageWard, case_id: str, field: str, answer: str) -> bool:
    """Return whether something was decided, which then is what the field's own form says."""
    taken = ward.decision(case_id)
    if taken is None:
        return False
    assert (taken.kind, taken.reason) == (answer, "" if answer == DecisionKind.CHOOSE else WORDS), field
    return True


@pytest.mark.parametrize("shown", [{}, NOTHING_PROPOSED], ids=["proposed", "nothing"])
@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_any_field_is_the_answer_of_its_own_form_or_nothing(
    request: pytest.FixtureRequest, ward: PageWard, shown: dict[str, Any], scripts: bool
) -> None:
    page: Page = request.getfixturevalue("page" if scripts else "without_scripts")
    case_id, decided = opened(page, ward, **shown), set[str]()
    fields = page.locator(FIELDS).count()
    assert fields >= 6
    for n in range(fields):
        field = page.locator(FIELDS).nth(n)
        name = f"{field.evaluate('field => field.form.className')} {field.get_attribute('name')}"
        answer = field.evaluate("field => field.form.querySelector('[name=kind]').value")
        answer_by_enter(page, field)
        if assert_own_answer_or_none(ward, case_id, name, answer):
            decided.add(name)
            case_id = opened(page, ward, **shown)
        else:
            page.goto(f"/cases/{case_id}")
    assert decided == ({"reject reason"} if shown == {} else {"reject reason", "choose selected"})


NOTE: dict[str, Any] = {
    "pathway": "dictation",
    "choices": (Choice(code="1", display="File the note"),),
    "selected": "1",
    "note": Note(
        items=(
            NoteItem(key="history", section=NoteSection.HISTORY, label="History", text="fell at home"),
            NoteItem(key="hr", section=NoteSection.VITALS, label="Heart rate", text="88"),
            NoteItem(key="bp", section=NoteSection.VITALS, label="Blood pressure", text="85 over 50", doubt="number"),
            NoteItem(key="drug", section=NoteSection.MEDICATIONS, label="Medication", text="metoprolol", doubt="name"),
            NoteItem(key="spo2", section=NoteSection.VITALS, label="Oxygen saturation", text=""),
        )
    ),
}


@pytest.mark.parametrize("scripts", [True, False])
def test_enter_in_any_field_of_a_dictated_note_files_nothing(
    request: pytest.FixtureRequest, ward: PageWard, scripts: bool
) -> None:
    page: Page = request.getfixturevalue("page" if scripts else "without_scripts")
    case_id = opened(page, ward, **NOTE)
    fields = page.locator(FIELDS).count()
    assert fields >= 8
    for n in range(fields):
        for mark in page.locator(".item.doubt [type=checkbox]").all():
            mark.check()  # else an open mark alone would keep the note from being filed
        if page.locator(".items details").count():
            page.locator(".items details").evaluate("details => details.open = true")
        field = page.locator(FIELDS).nth(n)
        answer = field.evaluate("field => field.form.className")
        answer_by_enter(page, field)
        if assert_own_answer_or_none(ward, case_id, answer, answer):
            assert answer == "reject"
            case_id = opened(page, ward, **NOTE)
        else:
            page.goto(f"/cases/{case_id}")
    page.locator(".item.doubt [type=checkbox]").nth(0).check()
    page.locator(".item.doubt [type=checkbox]").nth(1).check()
    page.locator("form.approve [value=approve]").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    taken = ward.decision(case_id)
    assert taken and taken.kind == DecisionKind.APPROVE, "only its button files it"


def test_enter_on_the_sign_in_page_signs_nobody_in(browser: Browser, served: tuple[PageWard, str]) -> None:
    page = browser.new_context(base_url=served[1]).new_page()
    page.goto("/")
    for n in range(page.locator(FIELDS).count()):
        answer_by_enter(page, page.locator(FIELDS).nth(n))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.context.close()


def test_a_digit_a_reason_and_enter_change_the_level(page: Page, ward: PageWard) -> None:
    case_id = opened(page, ward, selected="3")
    page.keyboard.press("4")
    page.keyboard.type(WORDS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    taken = ward.decision(case_id)
    assert taken and (taken.kind, taken.selected, taken.reason) == (DecisionKind.CHANGE, "4", WORDS)


def test_x_and_a_reason_and_enter_reject_and_x_in_the_reason_is_a_letter(page: Page, ward: PageWard) -> None:
    case_id = opened(page, ward)
    page.keyboard.press("x")
    page.keyboard.type("x-ray of another patient")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    taken = ward.decision(case_id)
    assert taken and (taken.kind, taken.selected, taken.reason) == (
        DecisionKind.REJECT,
        None,
        "x-ray of another patient",
    )


@pytest.mark.parametrize(
    ("keys", "lacks", "focused"),
    [
        (["4", "Enter"], "A change needs a reason", "change reason"),
        (["r", "w", "Enter"], "No level is chosen", "change selected"),
        (["4", "Tab", "Enter"], "A change needs a reason", "change reason"),
        (["x", "Enter"], "A rejection needs a reason", "reject reason"),
        (["x", " ", "Enter"], "A rejection needs a reason", "reject reason"),
        (["2"], "2 is the suggestion: press a to approve it", None),
    ],
)
def test_what_an_answer_lacks_is_said_and_nothing_is_sent(
    page: Page, ward: PageWard, keys: list[str], lacks: str, focused: str | None
) -> None:
    case_id = opened(page, ward, selected="2")
    posted: list[str] = []
    page.on("request", lambda sent: posted.append(sent.url) if sent.method == "POST" else None)
    for key in keys:
        page.keyboard.press(key)
    expect(page.get_by_role("alert")).to_contain_text(lacks)
    if focused:
        here = page.evaluate("() => `${document.activeElement.form.className} ${document.activeElement.name}`")
        assert here == focused
    page.wait_for_timeout(SENT_MS)
    assert posted == [] and ward.decision(case_id) is None


def test_where_nothing_is_proposed_a_digit_and_enter_record_and_a_does_not(page: Page, ward: PageWard) -> None:
    case_id = opened(page, ward, **NOTHING_PROPOSED)
    page.keyboard.press("a")
    expect(page.get_by_role("alert")).to_contain_text("press the number that you choose")
    page.keyboard.press("Enter")
    page.wait_for_timeout(SENT_MS)
    assert ward.decision(case_id) is None
    page.keyboard.press("4")
    expect(page.get_by_role("button", name=re.compile("Record level 4"))).to_be_focused()
    shot(page, "choose")
    page.keyboard.press("Enter")
    expect(page.locator(f"#undo-{case_id}")).to_contain_text("Level 4 recorded for")
    taken = ward.decision(case_id)
    assert taken and (taken.kind, taken.selected, taken.reason) == (DecisionKind.CHOOSE, "4", "")


def new_data(ward: PageWard, case_id: str) -> str:
    """Show the second version of a case whose first said 3; return what the page says of it."""
    ward.show(case_id, version=2, selected="2", facts=facts(complaint="chest pain", spo2=84))
    return "Changed: SpO2 99 → 84 % · suggestion 3 → 2."


FIRST: dict[str, Any] = {"selected": "3", "facts": facts(complaint="chest pain", spo2=99)}


def test_an_open_page_says_what_changed_and_takes_no_answer_until_a_person_has_seen_it(
    page: Page, ward: PageWard
) -> None:
    page.clock.install()
    case_id = opened(page, ward, **FIRST)
    expect(page.locator("#live")).to_have_text("Live")
    page.clock.pause_at(page.evaluate("() => Date.now()") / 1000 + 1)  # however long a key takes, no moment passes
    sentence = new_data(ward, case_id)
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    see = page.get_by_role("button", name="See it Enter")
    expect(see).to_be_focused()
    for key in ("Enter", "a", "4", "x", "Space"):  # within the first moments not even Enter means anything
        page.keyboard.press(key)
    expect(page.locator("#fact-spo2")).to_contain_text("99")
    assert page.locator("input:checked").count() == 0
    for name in ("Approve 3", "Change level", "Reject"):
        expect(page.get_by_role("button", name=re.compile(name))).to_be_disabled()
    expect(page.locator("main")).to_have_attribute("data-armed", "no")
    shot(page, "changed")
    page.clock.run_for(900)
    page.keyboard.press("a")
    expect(page.locator("#fact-spo2")).to_contain_text("99")
    page.keyboard.press("Enter")
    for _ in range(40):  # a key that is held or pressed while the page changes answers nothing
        page.keyboard.press("a")
        page.keyboard.press("Enter")
    expect(page.locator("#fact-spo2")).to_contain_text("84")
    expect(page.locator(".seen")).to_have_text(sentence)
    assert ward.decision(case_id) is None
    page.clock.run_for(900)
    expect(armed(page).get_by_role("button", name="Approve 2")).to_be_enabled()
    shot(page, "changed-seen")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    taken = ward.decision(case_id)
    assert taken and (taken.kind, taken.selected, taken.version) == (DecisionKind.APPROVE, "2", 2)


def test_news_comes_although_one_look_for_it_is_never_answered(page: Page, ward: PageWard) -> None:
    page.route("**/changes*", lambda route: None, times=1)
    case_id = opened(page, ward, **FIRST)
    sentence = new_data(ward, case_id)
    expect(page.get_by_role("alert")).to_contain_text(sentence)


def test_who_is_typing_a_reason_goes_on_and_finds_it_again(page: Page, ward: PageWard) -> None:
    case_id = opened(page, ward, **FIRST)
    page.keyboard.press("4")
    page.keyboard.type("walks ")
    new_data(ward, case_id)
    expect(page.get_by_role("alert")).to_contain_text("SpO2 99 → 84")
    page.keyboard.type("normally")
    reason = page.get_by_label("Reason for the change")
    expect(reason).to_have_value(WORDS)
    page.wait_for_timeout(900)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="See it Enter")).to_be_focused()
    expect(page.locator("#fact-spo2")).to_contain_text("99")
    page.keyboard.press("Enter")
    expect(page.locator("#fact-spo2")).to_contain_text("84")
    expect(reason).to_have_value(WORDS)
    assert page.locator("input:checked").count() == 0, "the level was chosen of other data"
    assert page.evaluate("() => sessionStorage.length") == 0
    assert ward.decision(case_id) is None


def test_while_an_event_waits_nothing_can_be_decided_and_an_event_without_news_leaves_the_page_as_it_is(
    page: Page, ward: PageWard
) -> None:
    case_id = opened(page, ward, **FIRST)
    page.evaluate("() => { window.same = true; }")
    inbox.accept(
        ward.world.records.db, ward.world.records.blobs, [event(resource_id=case_id, encounter_id=f"of-{case_id}")]
    )
    expect(page.get_by_role("alert")).to_contain_text("the suggestion is being updated")
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Approve 3")).to_be_disabled()
    with ward.world.records.db.write() as tx:
        cases.cover(tx, case_id, 1, 1_000_000)
    expect(page.get_by_role("button", name="Approve 3")).to_be_enabled()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.evaluate("() => window.same") and ward.decision(case_id) is None


def test_a_decision_by_another_person_disarms_an_open_page(page: Page, ward: PageWard) -> None:
    case_id = opened(page, ward, **FIRST)
    row = ward.worklist.row(case_id, NURSE)
    assert row and row.case.suggestion_hash
    ward.decide(
        decision(
            decision_id=case_id,
            case_id=case_id,
            shown_hash=row.case.suggestion_hash,
            selected="3",
            reviewer=PHYSICIAN,
            decided_at=clock.now(),
        )
    )
    expect(page.get_by_role("alert")).to_contain_text("Decided by Dr Silva: Level 3 approved.")
    expect(page.get_by_role("button", name="Approve 3")).to_be_disabled()
    page.wait_for_timeout(900)
    page.keyboard.press("Enter")
    expect(page.locator(".decide")).to_contain_text("It may still be taken back.")
    assert page.locator(".undo").count() == 0, "only its author may"
    ward.end(case_id, CaseState.WRITTEN)
    expect(page.locator("#ended")).to_have_text("In the chart.")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_refused_decision_ends_in_its_case_and_reloading_asks_nothing_and_decides_nothing(
    browser: Browser, served: tuple[PageWard, str], ward: PageWard
) -> None:
    page = signed_in(browser, served[1])
    case_id = opened(page, ward, **FIRST)
    page.route("**/changes*", lambda route: route.abort())  # the page has not heard yet
    page.route("**/events*", lambda route: route.abort())
    page.reload()
    page.keyboard.press("x")
    page.keyboard.type(WORDS)
    sentence = new_data(ward, case_id)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("New data arrived since this was shown")
    expect(page.locator(".seen")).to_have_text(sentence)
    expect(page.get_by_label("Reject, because")).to_have_value(WORDS)
    assert page.url.endswith(f"/cases/{case_id}")
    shot(page, "refused")
    page.unroute_all()
    page.reload()
    expect(page.locator("#fact-spo2")).to_contain_text("84")
    page.goto(f"/cases/{case_id}/decision")
    expect(page.get_by_role("button", name="Approve 2")).to_be_visible()
    assert ward.decision(case_id) is None
    page.context.close()


def test_one_key_takes_a_decision_back_while_its_time_counts_down(page: Page, ward: PageWard) -> None:
    case_id = opened(page, ward, selected="2", facts=facts(name="Ada Testperson", complaint="cough"))
    page.keyboard.press("a")
    undo = page.locator(f"#undo-{case_id}")
    expect(undo).to_contain_text("Level 2 approved for Ada Testperson")
    expect(undo.get_by_role("button")).to_have_text(re.compile(r"Undo u \(\d+ s\)"))
    left = f"Number(document.querySelector('#undo-{case_id} .left').textContent.match(/[0-9]+/)[0])"
    first = page.evaluate(left)
    assert 0.8 * UNDO_S < first <= UNDO_S
    page.wait_for_function(f"() => {left} <= {first - 2}")
    shot(page, "undo")
    page.keyboard.press("u")
    expect(page.get_by_role("alert")).to_contain_text("Taken back. Nothing was written")
    assert [undo.case_id for undo in ward.sent.undone] == [case_id]
    expect(armed(page).get_by_role("button", name="Approve 2")).to_be_enabled()
    page.keyboard.press("a")
    expect(undo).to_be_visible()
    page.goto(f"/cases/{case_id}")
    ward.sent.refuses_undo = Refusal.TOO_LATE
    page.keyboard.press("u")
    expect(page.get_by_role("alert")).to_contain_text("Too late to take it back")


def clocked(context: BrowserContext) -> None:
    """Have the browser's clock go wrong by a day."""
    context.add_init_script("const real = Date.now; Date.now = () => real() + 86400000;")


def test_times_tick_by_the_servers_clock_and_a_lost_connection_is_seen_within_5_s(
    browser: Browser, served: tuple[PageWard, str], ward: PageWard
) -> None:
    page = signed_in(browser, served[1])
    clocked(page.context)
    case_id = opened(page, ward, "clocked")
    for address in ("/", f"/cases/{case_id}"):
        page.goto(address)
        expect(page.locator("#live")).to_have_text("Live")
        place = page.locator("#row-clocked" if address == "/" else ".times")
        due = place.locator("[data-due]")
        assert 280 <= remaining(due)[0] <= 300, "of five minutes, whatever the browser's clock says"
        assert_ticking(page, due)
        expect(place.locator("[data-since]")).to_have_text(re.compile(r"^\d+ s ago$"))
    ward.live.silent = True
    assert lost_after_s(page) < 5
    assert_ticking(page, due)  # time does not stand still with the connection
    ward.live.silent = False
    expect(page.locator("#live")).to_have_text("Live")
    page.context.close()


def remaining(due: Locator) -> tuple[int, float]:
    """Return the seconds that stand there, and by the page's own clock the seconds since it was opened."""
    text, clock = due.evaluate("due => [due.innerText, performance.now() / 1000]")
    minutes, seconds = text.removeprefix("in ").split(":")
    return int(minutes) * 60 + int(seconds), clock


def assert_ticking(page: Page, due: Locator) -> None:
    left, begun = remaining(due)
    page.wait_for_timeout(2000)
    later, ended = remaining(due)
    assert abs((left - later) - (ended - begun)) < 1.5


def test_an_overdue_case_says_by_how_much(page: Page, ward: PageWard) -> None:
    late = clock.now() - timedelta(minutes=9, seconds=30)
    opened(page, ward, "late", accepted_at=late)
    expect(page.locator(".times")).to_contain_text("4 min overdue")
    page.goto("/")
    expect(page.locator("#row-late")).to_contain_text("4 min overdue")
