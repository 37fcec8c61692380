"""What is noted of a write."""

import json
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from activities.chart_writes import note_writes
from integrations.ledger import tables
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.tables import Database
from tests.fakes.samples import REF


def test_a_version_that_a_retry_finds_again_is_audited_once(db: Database) -> None:
    world: Any = SimpleNamespace(db=db, auditor=Auditor("worker", b"k"))
    for version in ("1", "1", "2"):
        found = {"resourceType": "Task", "id": "t", "meta": {"versionId": version}}
        note_writes(world, REF, [found], Action.PROPOSE, None)
    with db.read() as tx:
        records = [json.loads(record) for record in tx.scalars(sa.select(tables.audit.c.record))]
    assert [record["what"] for record in records] == ["Task/t/_history/1", "Task/t/_history/2"]
