"""The chain finds whatever was done to it, and without it nothing is done."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from contracts.errors import LedgerError
from integrations.ledger import audit, tables
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.tables import Database

KEY = b"a" * 32
CHAINS = ("gateway", "worker")


@pytest.fixture
def kept(db: Database) -> Database:
    """Two chains of four records each, written in turn."""
    for number in range(4):
        for chain in CHAINS:
            with db.write() as tx:
                Auditor(chain, KEY).append(tx, Action.READ, f"Encounter/{number}", case_id="case-1")
    return db


def anchors(db: Database) -> dict[str, tuple[int, str]]:
    with db.read() as tx:
        rows = tx.execute(sa.select(tables.audit).where(tables.audit.c.position == 4)).all()
    return {row.chain: (row.position, row.hash) for row in rows}


def found(db: Database, seen: dict[str, tuple[int, str]] | None = None, key: bytes = KEY) -> list[str]:
    with db.read() as tx:
        return audit.verify(tx, key, seen or {})


def at(chain: str, position: int) -> sa.ColumnElement[bool]:
    return sa.and_(tables.audit.c.chain == chain, tables.audit.c.position == position)


def test_an_untouched_chain_is_whole(kept: Database) -> None:
    assert found(kept, anchors(kept)) == []
    with kept.read() as tx:
        first = tx.execute(sa.select(tables.audit).order_by("seq")).first()
    assert first is not None
    record = audit.AuditRecord.model_validate_json(first.record)
    assert (record.actor, record.action, record.what, record.case_id) == (
        "process:gateway", Action.READ, "Encounter/0", "case-1",
    )  # fmt: skip


CHANGES: dict[str, dict[str, object]] = {
    "record": {"record": '{"forged": true}'},
    "hash": {"hash": "0" * 64},
    "previous_hash": {"previous_hash": "0" * 64},
    "position": {"position": 9},
    "chain": {"chain": "another"},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("position", [1, 2, 4])
def test_a_changed_record_is_found(kept: Database, change: str, position: int) -> None:
    seen = anchors(kept)
    with kept.write() as tx:
        tx.execute(tables.audit.update().where(at("worker", position)).values(CHANGES[change]))
    assert any("worker" in line for line in found(kept, seen))


def test_a_chain_under_another_name_is_found(kept: Database) -> None:
    with kept.write() as tx:
        tx.execute(tables.audit.update().where(tables.audit.c.chain == "worker").values(chain="another"))
    assert len(found(kept)) == 4


@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_deleted_record_is_found(kept: Database, position: int) -> None:
    with kept.write() as tx:
        tx.execute(tables.audit.delete().where(at("gateway", position)))
    assert any("gateway" in line for line in found(kept))


def cut_last(tx: sa.Connection) -> None:
    tx.execute(tables.audit.delete().where(at("worker", 4)))


def cut_chain(tx: sa.Connection) -> None:
    tx.execute(tables.audit.delete().where(tables.audit.c.chain == "worker"))


@pytest.mark.parametrize("cut", [cut_last, cut_chain])
def test_a_chain_cut_at_its_end_is_found_by_its_anchor_alone(
    kept: Database, cut: Callable[[sa.Connection], None]
) -> None:
    seen = anchors(kept)
    with kept.write() as tx:
        cut(tx)
    assert found(kept) == []
    assert found(kept, seen) == ["audit chain worker lacks the anchored record 4"]


@pytest.mark.parametrize("chains", [("worker", "worker"), ("worker", "gateway")])
def test_two_records_that_changed_places_are_found(kept: Database, chains: tuple[str, str]) -> None:
    one, two = at(chains[0], 2), at(chains[1], 3)
    with kept.write() as tx:
        records = [tx.scalar(sa.select(tables.audit.c.record).where(place)) for place in (one, two)]
        for place, record in zip((two, one), records, strict=True):
            tx.execute(tables.audit.update().where(place).values(record=record))
    assert found(kept)


def test_a_chain_rebuilt_without_the_key_is_found(kept: Database) -> None:
    with kept.write() as tx:
        tx.execute(tables.audit.delete().where(tables.audit.c.chain == "worker"))
        Auditor("worker", b"forged").append(tx, Action.READ, "Encounter/0")
    assert found(kept) == ["audit chain worker breaks at 1"]
    assert len(found(kept, key=b"forged")) == 4


def test_a_record_of_an_unknown_field_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="misspelt"), db.write() as tx:
        Auditor("worker", KEY).append(tx, Action.READ, "Encounter/1", misspelt="x")
    assert found(db) == []


def test_without_its_record_an_act_does_not_happen(db: Database) -> None:
    with db.write() as tx:
        tx.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
    with pytest.raises(LedgerError), db.write() as tx:
        tx.execute(tables.marks.insert().values(name="act", value="done"))
        Auditor("worker", KEY).append(tx, Action.WRITE, "Task/1")
    with db.read() as tx:
        assert tx.scalar(sa.select(tables.marks.c.value).where(tables.marks.c.name == "act")) is None
