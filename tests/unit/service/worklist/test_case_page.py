"""Forms end in a page, each answer is one answer, and what changed under an open page is said in a sentence."""

import asyncio
import random
import re
import string
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.cases import CaseState
from contracts.decisions import DecisionKind, Reviewer
from contracts.dictation import Note, NoteItem, NoteSection
from contracts.errors import ApprovalError, Refusal
from contracts.suggestions import Choice, MadeBy, Suggestion, Support
from integrations import clock
from integrations.ledger import inbox, tables
from service.worklist import changes, flash, rendering
from service.worklist.forms import DecisionForm
from service.worklist.pages import events
from service.worklist.pages.case import REFUSALS
from tests.fakes.page_ward import PageWard
from tests.fakes.samples import NURSE, decision, event, facts, suggestion

NOTHING_PROPOSED: dict[str, Any] = {"selected": None, "made_by": MadeBy.RULES, "support": Support.RULES_ONLY}
UNMEASURED: dict[str, Any] = {"measured": False, "support": Support.UNCERTAIN}
JSON = {"Accept": "application/json"}


@pytest.fixture
def ward(tmp_path: Path) -> PageWard:
    return PageWard(tmp_path)


@pytest.fixture
async def nurse(ward: PageWard) -> httpx.AsyncClient:
    return await ward.person()


def form(shown: Suggestion, kind: str, **fields: str) -> dict[str, str]:
    return {"version": "1", "shown_hash": shown.sha256(), "decision_id": "page-1", "kind": kind} | fields


async def send(
    nurse: httpx.AsyncClient, shown: Suggestion, kind: str, headers: dict[str, str] | None = None, **fields: str
) -> httpx.Response:
    return await nurse.post("/cases/c1/decision", data=form(shown, kind, **fields), headers=headers or {})


async def followed(nurse: httpx.AsyncClient, answer: httpx.Response) -> str:
    """Return the page that a form ends in."""
    assert answer.status_code == 303, answer.text
    return (await nurse.get(answer.headers["location"])).text


@pytest.mark.parametrize(
    ("kind", "fields", "refused"),
    [
        ("approve", {"selected": "4"}, Refusal.CONTRADICTION),
        ("approve", {"reason": "walks normally"}, Refusal.CONTRADICTION),
        ("reject", {"selected": "4", "reason": "wrong patient"}, Refusal.CONTRADICTION),
        ("choose", {"selected": "4"}, Refusal.CHOICE),
        ("change", {"selected": "4"}, Refusal.CHOICE),
        ("change", {"selected": "2", "reason": "walks normally"}, Refusal.CHOICE),
        ("change", {"reason": "walks normally"}, Refusal.CHOICE),
        ("change", {"selected": "7", "reason": "walks normally"}, Refusal.CHOICE),
        ("reject", {"reason": " \n"}, Refusal.CHOICE),
        ("approve", {}, None),
        ("approve", {"selected": "2"}, None),
        ("change", {"selected": "4", "reason": "walks normally"}, None),
        ("reject", {"reason": "wrong patient"}, None),
    ],
)
async def test_an_answer_that_contradicts_itself_is_refused_and_one_that_does_not_is_sent(
    ward: PageWard, nurse: httpx.AsyncClient, kind: str, fields: dict[str, str], refused: Refusal | None
) -> None:
    answer = await send(nurse, ward.show("c1"), kind, JSON, **fields)
    if refused:
        assert (answer.status_code, answer.json()["refused"]) == (409, refused)
        assert ward.sent.decisions == [] and ward.decision("c1") is None
    else:
        assert answer.status_code == 200, answer.text
        assert [d.kind for d in ward.sent.decisions] == [kind]


@pytest.mark.parametrize("shown", [NOTHING_PROPOSED, UNMEASURED])
@pytest.mark.parametrize(
    ("kind", "fields", "taken"),
    [
        ("approve", {}, False),
        ("change", {"selected": "4", "reason": "walks normally"}, False),
        ("choose", {}, False),
        ("choose", {"selected": "7"}, False),
        ("choose", {"selected": "2"}, True),
        ("reject", {"reason": "wrong patient"}, True),
    ],
)
async def test_where_nothing_is_proposed_a_level_is_chosen_and_never_approved(
    ward: PageWard, nurse: httpx.AsyncClient, shown: dict[str, Any], kind: str, fields: dict[str, str], taken: bool
) -> None:
    answer = await send(nurse, ward.show("c1", **shown), kind, JSON, **fields)
    assert answer.status_code == (200 if taken else 409), answer.text
    if not taken:
        assert answer.json()["refused"] == Refusal.CHOICE
    (row,) = (await nurse.get("/api/cases")).json()
    assert (row["approvable"], row["kinds"]) == (False, [] if taken else ["choose", "reject"])


async def test_answers_whose_fields_change_places_are_two_decisions(ward: PageWard) -> None:
    ward.show("c1")
    row = ward.worklist.row("c1", NURSE)
    assert row is not None
    for words in (
        {"reason": "a", "shown_hash": "b"},
        {"shown_hash": "a", "reason": "b"},
        {"shown_hash": "b", "reason": "a"},
    ):
        with pytest.raises(ApprovalError):  # neither hash was ever shown
            answer = DecisionForm(page_id="page-1", kind=DecisionKind.CHANGE, version=1, selected="3", **words)
            await ward.decisions.decide(row, answer, NURSE)
    first, swapped, again = (sent.decision_id for sent in ward.sent.decisions)
    assert first != swapped and first == again, "the same click again is the same decision"


async def test_a_refusal_ends_in_the_case_page_with_its_sentence_and_what_was_typed(
    ward: PageWard, nurse: httpx.AsyncClient
) -> None:
    old = ward.show("c1")
    ward.show("c1", version=2, selected="3", facts=facts(complaint="chest pain", hr=140))
    page = await followed(nurse, await send(nurse, old, "change", selected="4", reason='says "well" & walks'))
    assert "New data arrived since this was shown" in page
    assert "Changed: HR 112 → 140 /min · suggestion 2 → 3." in page
    assert 'value="says &#34;well&#34; &amp; walks"' in page, "kept"
    assert not re.search(r"radio[^>]*checked", page), "what was chosen of the old data is not"
    again = (await nurse.get("/cases/c1")).text
    assert "New data arrived" not in again, "said once"


async def test_a_level_chosen_without_a_reason_stays_chosen(ward: PageWard, nurse: httpx.AsyncClient) -> None:
    shown = ward.show("c1")
    answer = await send(nurse, shown, "approve", selected="4", reason="a slip")
    page = await followed(nurse, answer)
    assert "choose one answer" in page and re.search(r'value="4"[^>]*checked', page)


NOTE: dict[str, Any] = {
    "pathway": "dictation",
    "choices": (Choice(code="1", display="File the note"),),
    "selected": "1",
    "note": Note(
        items=(
            NoteItem(key="history", section=NoteSection.HISTORY, label="History", text="fell at home"),
            NoteItem(key="hr", section=NoteSection.VITALS, label="Heart rate", text="88", doubt="number"),
        )
    ),
}


@pytest.mark.parametrize(
    ("words", "kept"),
    [("fell at work", True), ("".join(random.Random(1).choices(string.ascii_letters, k=9000)), False)],
)
async def test_what_was_changed_in_a_note_is_kept_or_the_page_says_that_it_is_not(
    ward: PageWard, nurse: httpx.AsyncClient, words: str, kept: bool
) -> None:
    shown = ward.show("c1", **NOTE)
    filled_in = form(shown, "approve") | {"item-hr": "88", "item-history": words}
    page = await followed(nurse, await nurse.post("/cases/c1/decision", data=filled_in))
    assert REFUSALS[Refusal.DOUBT] in page
    assert (words in page, flash.SHORTENED.strip() in page) == (kept, not kept)


async def test_a_note_that_says_nothing_is_not_filed(ward: PageWard, nurse: httpx.AsyncClient) -> None:
    shown = ward.show("c1", **NOTE)
    blank = form(shown, "approve") | {"item-hr": "", "item-history": " "}
    answer = await nurse.post("/cases/c1/decision", data=blank, headers=JSON)
    assert (answer.status_code, answer.json()["refused"]) == (409, Refusal.EMPTY)
    filled_in = blank | {"item-history": "fell at home"}
    assert (await nurse.post("/cases/c1/decision", data=filled_in, headers=JSON)).status_code == 200


async def test_what_was_typed_is_there_again_after_an_undo(ward: PageWard, nurse: httpx.AsyncClient) -> None:
    shown = ward.show("c1", **NOTE)
    filled_in = form(shown, "approve") | {"item-hr": "89", "item-history": "fell at work"}
    taken = (await nurse.post("/cases/c1/decision", data=filled_in, headers=JSON)).json()["decision_id"]
    answer = await nurse.post("/cases/c1/undo", data={"decision_id": taken})
    page = await followed(nurse, answer)
    assert "Taken back" in page and "fell at work" in page


@pytest.mark.parametrize("address", ["/cases/c1/decision", "/cases/c1/undo"])
async def test_reloading_the_address_of_a_form_gives_the_case_and_never_json(
    ward: PageWard, nurse: httpx.AsyncClient, address: str
) -> None:
    ward.show("c1")
    assert "chest pain" in await followed(nurse, await nurse.get(address))


@pytest.mark.parametrize(
    ("method", "address"),
    [("GET", "/cases/none"), ("GET", "/nothing"), ("POST", "/cases/c1"), ("POST", "/cases/c1/decision")],
)
async def test_whatever_a_browser_asks_for_it_gets_a_page(
    ward: PageWard, nurse: httpx.AsyncClient, method: str, address: str
) -> None:
    ward.show("c1")
    answer = await nurse.request(method, address)
    assert answer.headers["content-type"].startswith("text/html") and "Nothing was written" in answer.text


async def test_who_sends_a_form_signed_out_is_told_that_nothing_was_written(ward: PageWard) -> None:
    shown, person = ward.show("c1"), await ward.person()
    person.cookies.delete("wardflow_user")
    page = await followed(person, await send(person, shown, "approve"))
    assert "You were not signed in. Nothing was written." in page and ward.decision("c1") is None


async def test_a_message_is_for_one_person_and_one_page_and_cannot_be_made_up(
    ward: PageWard, nurse: httpx.AsyncClient
) -> None:
    shown = ward.show("c1")
    ward.show("c2")
    await send(nurse, shown, "approve", reason="x")
    assert "choose one answer" not in (await nurse.get("/cases/c2")).text
    other = await ward.person("c-lindqvist")
    for value in (nurse.cookies[flash.COOKIE], "bm9uc2Vuc2U=", "%"):
        answer = await other.get(
            "/cases/c1", headers={"Cookie": f"wardflow_user={other.cookies['wardflow_user']}; {flash.COOKIE}={value}"}
        )
        assert answer.status_code == 200 and "choose one answer" not in answer.text
    assert "choose one answer" in (await nurse.get("/cases/c1")).text


async def test_a_decision_of_ones_own_can_be_taken_back_from_the_list_and_the_case(
    ward: PageWard, nurse: httpx.AsyncClient
) -> None:
    shown = ward.show("c1", facts=facts(name="Ada Testperson", complaint="chest pain"))
    page = await followed(nurse, await send(nurse, shown, "approve"))
    assert "Level 2 approved for Ada Testperson" in page and 'action="/cases/c1/undo"' in page
    decision_id = ward.sent.decisions[0].decision_id
    assert 'data-key="u"' in (await nurse.get("/cases/c1")).text
    other = await (await ward.person("c-lindqvist")).get("/cases/c1")
    assert "/undo" not in other.text and "It may still be taken back." in other.text
    page = await followed(nurse, await nurse.post("/cases/c1/undo", data={"decision_id": decision_id}))
    assert "Taken back. Nothing was written" in page
    assert [(u.decision_id, u.reviewer.reviewer_id) for u in ward.sent.undone] == [(decision_id, "n-okafor")]
    (undo,) = ward.sent.undone
    ward.secrets.signer().public_key().verify(bytes.fromhex(undo.signature), undo.signed_bytes())


@pytest.mark.parametrize("refusal", [Refusal.TOO_LATE, Refusal.NOT_YOURS, Refusal.UNDONE, Refusal.UNCONFIRMED])
async def test_an_undo_that_is_refused_says_why(ward: PageWard, nurse: httpx.AsyncClient, refusal: Refusal) -> None:
    taken = (await send(nurse, ward.show("c1"), "approve", JSON)).json()["decision_id"]
    ward.sent.refuses_undo = refusal
    page = await followed(nurse, await nurse.post("/cases/c1/undo", data={"decision_id": taken}))
    assert REFUSALS[refusal].format(by="Nurse Okafor") in page
    answer = await nurse.post("/cases/c1/undo", data={"decision_id": taken}, headers=JSON)
    assert answer.json()["refused"] == refusal


async def test_an_undo_of_an_earlier_decision_leaves_the_later_one(ward: PageWard, nurse: httpx.AsyncClient) -> None:
    await send(nurse, ward.show("c1"), "approve")
    answer = await nurse.post("/cases/c1/undo", data={"decision_id": "earlier"}, headers=JSON)
    assert (answer.status_code, answer.json()["refused"], ward.sent.undone) == (409, "decided", [])


async def test_less_than_the_rules_demand_needs_a_reason(ward: PageWard, nurse: httpx.AsyncClient) -> None:
    shown = ward.show("c1", floor="2", selected="1", **UNMEASURED)
    assert (await send(nurse, shown, "choose", JSON, selected="5")).json()["refused"] == "choice"
    assert (await send(nurse, shown, "choose", JSON, selected="5", reason="walks")).status_code == 200


async def test_every_refusal_has_its_sentence() -> None:
    assert set(REFUSALS) == set(Refusal)


async def test_a_decision_can_be_taken_back_no_longer_than_its_time(tmp_path: Path) -> None:
    ward = PageWard(tmp_path, undo_s=0.05)
    nurse = await ward.person()
    await send(nurse, ward.show("c1"), "approve")
    await asyncio.sleep(0.06)
    for address in ("/", "/cases/c1"):
        assert "/undo" not in (await nurse.get(address)).text
    assert "Being written to the chart." in (await nurse.get("/cases/c1")).text


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"selected": "3", "facts": facts(complaint="chest pain", hr=84)}, "HR 112 → 84 /min · suggestion 2 → 3"),
        ({"facts": facts(complaint="chest pain")}, "HR 112 /min is gone"),
        ({"facts": facts(complaint="chest pain", hr=112, spo2=84)}, "SpO2 84 % is new"),
        ({"facts": facts(complaint="cough", hr=112)}, "Complaint chest pain → cough"),
        ({"floor": "1", "selected": "1"}, "rules now demand at least 1 · suggestion 2 → 1"),
        (NOTHING_PROPOSED, "suggestion 2 → none"),
        (UNMEASURED, "suggestion 2 → model unsure (2)"),
        ({"support": Support.STRONG}, "support moderate → strong"),
        ({"missing": ("age",)}, "the suggestion was made anew, and is the same"),
    ],
)
def test_what_differs_between_two_versions_is_one_sentence(changed: dict[str, Any], sentence: str) -> None:
    assert changes.sentence(suggestion(), suggestion(**changed)) == f"Changed: {sentence}."


async def news(nurse: httpx.AsyncClient, **seen: str) -> tuple[str, str]:
    shown = {"version": "1", "state": "open", "stale": "false", "decision": ""} | seen
    found = (await nurse.get("/cases/c1/changes", params=shown, headers=JSON)).json()
    return found["news"], found["message"]


async def test_an_open_page_learns_what_became_of_its_case(ward: PageWard, nurse: httpx.AsyncClient) -> None:
    first = ward.show("c1")
    assert await news(nurse) == ("none", "")
    assert await news(nurse, stale="true") == ("changed", "Looked at again: the suggestion stands as it was.")
    assert (await news(nurse, version="0"))[1] == "The suggestion has come: 2."
    second = ward.show("c1", version=2, selected="3", facts=facts(complaint="chest pain", hr=84))
    assert await news(nurse) == ("changed", "Changed: HR 112 → 84 /min · suggestion 2 → 3.")
    physician = Reviewer(reviewer_id="c-lindqvist", name="Lindqvist", role="charge_nurse")
    ward.decide(decision(case_id="c1", version=2, shown_hash=second.sha256(), selected="3", reviewer=physician))
    assert await news(nurse, version="2") == ("changed", "Decided by Lindqvist: Level 3 approved.")
    assert (await news(nurse))[1].endswith("suggestion 2 → 3. Decided by Lindqvist: Level 3 approved.")
    assert await news(nurse, version="2", state="decided", decision="d-1") == ("none", "")
    ward.reopen("c1")
    gone = await news(nurse, version="2", state="decided", decision="d-1")
    assert gone == ("changed", "The decision was taken back: the case is open again.")
    ward.decide(decision(case_id="c1", version=2, shown_hash=second.sha256(), selected="3", reviewer=physician))
    ward.end("c1", CaseState.WRITTEN)
    assert await news(nurse, version="2", state="decided", decision="d-1") == ("ended", "In the chart.")
    assert first.sha256() != second.sha256()


async def test_a_page_learns_of_an_accepted_event_before_anybody_has_looked_at_it(
    ward: PageWard, nurse: httpx.AsyncClient
) -> None:
    ward.show("c1")
    inbox.accept(ward.world.records.db, ward.world.records.blobs, [event(encounter_id="of-c1")])
    assert await news(nurse) == ("updating", "New data: the suggestion is being updated.")


async def test_a_heartbeat_carries_the_time_of_this_machine(ward: PageWard) -> None:
    stream: Any = events.messages(ward.world.live, ward.live.position(), list)
    beat = await anext(stream)
    await stream.aclose()
    name, data = re.findall(r"^(?:event|data): (.*)$", beat, re.MULTILINE)
    assert name == "heartbeat" and abs(int(data) - rendering.milliseconds(clock.now())) < 5000


async def test_looking_for_changes_leaves_an_audit_record_only_where_something_is_shown(
    ward: PageWard, nurse: httpx.AsyncClient
) -> None:
    ward.show("c1")
    with ward.world.records.db.read() as tx:
        before = len(tx.execute(tables.audit.select()).all())
    await news(nurse)
    await news(nurse)
    await news(nurse, version="0")
    with ward.world.records.db.read() as tx:
        assert len(tx.execute(tables.audit.select()).all()) == before + 1


async def test_a_level_that_nobody_measured_sorts_no_one(ward: PageWard, nurse: httpx.AsyncClient) -> None:
    at = clock.now()
    rows: list[dict[str, Any]] = [
        {"selected": "4"},
        {"selected": "3"},
        {"selected": "1", **UNMEASURED},  # the first of the unjudged to be due
        NOTHING_PROPOSED,
        {"selected": "5", "floor": "2", **UNMEASURED},
        {"selected": "2", "floor": "2", "made_by": MadeBy.RULES},
        {"selected": "1"},
    ]
    for n, row in enumerate(rows):
        ward.show(f"c{n}", accepted_at=at + timedelta(seconds=n), **row)
    listed = [row["case_id"] for row in (await nurse.get("/api/cases")).json()]
    assert listed == ["c6", "c4", "c5", "c2", "c3", "c1", "c0"]


async def test_pages_say_that_nothing_is_proposed_and_offer_no_key_that_approves(
    ward: PageWard, nurse: httpx.AsyncClient
) -> None:
    ward.show("c1", **NOTHING_PROPOSED)
    ward.show("c2", **UNMEASURED)
    listed = (await nurse.get("/")).text
    assert "No suggestion: choose 1 to 5" in listed and "Model unsure: 2" in listed
    for case_id, words in (("c1", "No suggestion: choose 1 to 5"), ("c2", "Model unsure: 2")):
        page = (await nurse.get(f"/cases/{case_id}")).text
        assert words in page and 'value="approve"' not in page and 'data-key="a"' not in page
        assert [kind for kind in DecisionKind if f'name="kind" value="{kind}"' in page] == ["choose", "reject"]
        assert page.count('type="radio"') == 5
