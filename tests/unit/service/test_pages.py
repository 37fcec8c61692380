"""What a person is told when our records can't be kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import HTTPException
from starlette.datastructures import FormData

from activities.world import World
from contracts.views import Item, View
from integrations.blobs.store import BlobStore
from integrations.ledger.audit import Auditor
from integrations.ledger.tables import Database
from service import pages, settings


@pytest.fixture
async def full(db: Database, blobs: BlobStore, tmp_path: Path) -> httpx.AsyncClient:
    """Pages whose ledger takes no audit record, opened by a nurse who is signed in."""
    with db.write() as tx:
        tx.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    settings.create_secrets(tmp_path)
    secrets = settings.load_secrets(tmp_path)
    given: Any = SimpleNamespace(
        users={"n-okafor": SimpleNamespace(name="Nurse Okafor")},
        timing=settings.TimingSettings(),
        reviewer=lambda id_: SimpleNamespace(reviewer_id=id_, name="Nurse Okafor", role="triage_nurse"),
    )
    live, nothing = cast(Any, SimpleNamespace(position=lambda: "$")), cast(Any, None)
    world = World(db, blobs, Auditor("worklist", b"a" * 32), nothing, live, {}, {}, "0.1.0")
    app = pages.create_app(world, nothing, given, secrets)
    person = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ward.test")
    await person.post("/login", data={"user_id": "n-okafor"})
    return person


@pytest.mark.parametrize("path", ["/", "/?fragment=true", "/api/cases"])
async def test_a_page_that_cannot_be_audited_says_so_and_shows_nobody(full: httpx.AsyncClient, path: str) -> None:
    answer = await full.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "cannot keep its records" in answer.text and "Nothing was written" in answer.text
    assert ("<!doctype" in answer.text) is (path == "/")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  looks\x00 worse\r\nthan\u202e numbers ", "looks worse than numbers"),
        ("\x00\x0b", ""),
        ("日本語 ok", "日本語 ok"),
    ],
)
def test_a_reason_is_one_line_that_any_chart_takes(written: str, kept: str) -> None:
    assert pages.one_line(written) == kept


async def test_a_reason_without_end_is_refused_before_anything_is_sent(full: httpx.AsyncClient) -> None:
    form = {
        "kind": "reject",
        "version": "1",
        "shown_hash": "h",
        "decision_id": "d",
        "reason": "x" * (pages.REASON_CHARS + 1),
    }
    assert (await full.post("/cases/c/decision", data=form)).status_code == 422


DOUBTFUL = Item(key="hr", label="Heart rate", text="70", doubt="number")
PLAIN = Item(key="history", label="History", text="fell  at home")
EMPTY = Item(key="told", label="Told", text="", doubt="nobody has heard it")


@pytest.mark.parametrize(
    ("form", "corrected"),
    [
        ({"item-hr": "70", "item-history": "fell  at home", "item-told": ""}, {}),
        ({"item-hr": "70", "confirm-hr": "yes"}, {"hr": "70"}),
        ({"item-hr": "72"}, {"hr": "72"}),
        ({"item-hr": ""}, {"hr": ""}),
        ({"confirm-hr": "yes"}, {}),
        ({"item-told": "", "confirm-told": "yes"}, {}),
        ({"item-told": "fell\nand hit the head"}, {"told": "fell and hit the head"}),
        ({"item-history": "fell at work", "item-unknown": "x"}, {"history": "fell at work"}),
    ],
)
def test_a_mark_is_answered_by_confirming_or_changing_and_what_is_empty_cannot_be_confirmed(
    form: dict[str, str], corrected: dict[str, str]
) -> None:
    view = View(noun="answer", reasons=(), items=(DOUBTFUL, PLAIN, EMPTY))
    found = pages._corrections(view, FormData(form))
    assert {correction.key: correction.text for correction in found} == corrected


def test_words_without_end_are_refused_and_not_cut() -> None:
    view = View(noun="answer", reasons=(), items=(PLAIN,))
    with pytest.raises(HTTPException):
        pages._corrections(view, FormData({"item-history": "x" * (pages.ITEM_CHARS + 1)}))
