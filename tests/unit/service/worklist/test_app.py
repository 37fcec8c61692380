"""What a person is told when our records can't be kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from activities.world import World
from integrations.blobs.store import BlobStore
from integrations.ledger.audit import Auditor
from integrations.ledger.database import Database
from integrations.ledger.records import Records
from service.process import settings
from service.process.health import Health
from service.process.secrets import create_secrets, load_secrets
from service.worklist import app, forms


@pytest.fixture
async def full(db: Database, blobs: BlobStore, tmp_path: Path) -> httpx.AsyncClient:
    """Pages whose ledger takes no audit record, opened by a nurse who is signed in."""
    with db.write() as tx:
        tx.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    return await opened(db, blobs, tmp_path)


async def opened(db: Database, blobs: BlobStore, tmp_path: Path, *followed: str) -> httpx.AsyncClient:
    """Return the pages of a ward that follows these types, opened by a nurse who is signed in."""
    create_secrets(tmp_path)
    secrets = load_secrets(tmp_path)
    triggers = [SimpleNamespace(resource=type_) for type_ in followed]
    given: Any = SimpleNamespace(
        users={"n-okafor": SimpleNamespace(name="Nurse Okafor", role="triage_nurse")},
        timing=settings.TimingSettings(),
        worklist=settings.WorklistSettings(),
        models={},
        budgets={},
        pathways={"p": SimpleNamespace(feed="ehr", triggers=triggers, roles=())} if followed else {},
        reviewer=lambda id_: SimpleNamespace(reviewer_id=id_, name="Nurse Okafor", role="triage_nurse"),
    )
    live, nothing = cast(Any, SimpleNamespace(position=lambda: "$")), cast(Any, None)
    world = World(Records(db, blobs, Auditor("worklist", b"a" * 32)), nothing, live, {}, {}, "0.1.0")
    built = app.create_app(world, nothing, given, secrets)
    person = httpx.AsyncClient(
        transport=httpx.ASGITransport(built), base_url="http://127.0.0.1", headers={"Origin": "http://127.0.0.1"}
    )
    await person.post("/login", data={"user_id": "n-okafor"})
    return person


@pytest.mark.parametrize("path", ["/", "/?fragment=true", "/api/cases"])
async def test_a_page_that_cannot_be_audited_says_so_and_shows_nobody(full: httpx.AsyncClient, path: str) -> None:
    answer = await full.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "cannot keep its records" in answer.text and "Nothing was written" in answer.text
    assert ("<!doctype" in answer.text) is (path == "/")


async def test_a_reason_without_end_is_refused_before_anything_is_sent(full: httpx.AsyncClient) -> None:
    form = {
        "kind": "reject",
        "version": "1",
        "shown_hash": "h",
        "decision_id": "d",
        "reason": "x" * (forms.REASON_CHARS + 1),
    }
    assert (await full.post("/cases/c/decision", data=form)).status_code == 422


async def test_what_the_pages_can_do_is_listed_to_nobody(full: httpx.AsyncClient) -> None:
    assert (await full.get("/openapi.json")).status_code == 404


async def test_every_answer_forbids_foreign_content_even_a_refusal(full: httpx.AsyncClient) -> None:
    for path, host in (("/livez", "127.0.0.1"), ("/nowhere", "127.0.0.1"), ("/login", "evil.test")):
        answer = await full.get(path, headers={"Host": host})
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy and "base-uri 'none'" in policy and "object-src 'none'" in policy
        assert "unsafe" not in policy and answer.headers["x-content-type-options"] == "nosniff"


async def test_an_empty_list_is_called_empty_only_while_the_feed_is_known_to_be_followed(
    db: Database, blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await opened(db, blobs, tmp_path, "Encounter", "Binary")
    for path in ("/", "/?fragment=true"):
        text = (await person.get(path)).text
        assert "Not yet connected to the chart: new arrivals are not shown." in text
        assert "No one is waiting" not in text
    assert "Not yet connected" in (await person.get("/parts")).text
    answer = await person.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["feed:ehr"]["state"]) == (503, "away")
    monkeypatch.setattr(Health, "unseen", lambda _: ["New recordings are not seen: the chart refuses them."])
    monkeypatch.setattr(Health, "connected", lambda _: True)
    text = (await person.get("/")).text
    assert "New recordings are not seen" in text and "No one is waiting" not in text
    monkeypatch.setattr(Health, "unseen", lambda _: [])
    assert "No one is waiting." in (await person.get("/")).text
