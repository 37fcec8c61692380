"""The chain finds whatever was done to it, and without it nothing is done."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contracts.errors import LedgerError
from integrations import clock
from integrations.ledger import audit, chains, tables
from integrations.ledger.audit import Act, Action, Auditor
from integrations.ledger.chains import Anchor
from integrations.ledger.database import Database
from tests.fakes.samples import NOW

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


def anchors(db: Database) -> list[Anchor]:
    with db.read() as tx:
        rows = tx.execute(sa.select(tables.audit).where(tables.audit.c.position == 4)).all()
    return [Anchor(chain=row.chain, position=row.position, hash=row.hash, at=NOW) for row in rows]


def found(db: Database, seen: Sequence[Anchor] = (), key: bytes = KEY) -> list[str]:
    """Return what is wrong with the chains; these ledgers have no rows, and so no baseline."""
    with db.read() as tx:
        read = chains.read(tx, key, {(anchor.chain, anchor.position) for anchor in seen})
        lines = [*read.findings, *read.against(seen, "the chart")]
    return [line for line in lines if "baselines" not in line]


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


def test_acts_that_are_noted_together_make_the_same_chain_as_one_after_another(kept: Database) -> None:
    acts = [Act(Action.WRITE, f"Task/{n}", fields={"case_id": "case-1"}) for n in range(3)]
    with kept.write() as tx:
        Auditor("gateway", KEY).append_all(tx, acts)
        Auditor("gateway", KEY).append_all(tx, [])
        Auditor("gateway", KEY).append(tx, Action.READ, "Encounter/9")
    assert found(kept) == []
    with kept.read() as tx:
        rows = tx.execute(sa.select(tables.audit).where(tables.audit.c.chain == "gateway").order_by("position")).all()
    told = [audit.AuditRecord.model_validate_json(row.record) for row in rows]
    assert [row.position for row in rows] == list(range(1, 9))
    assert [(one.what, one.actor) for one in told[4:]] == [
        ("Task/0", "process:gateway"), ("Task/1", "process:gateway"), ("Task/2", "process:gateway"),
        ("Encounter/9", "process:gateway"),
    ]  # fmt: skip


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
    assert "audit chain worker" not in "".join(found(kept))
    assert any("the chart has its record 4" in line for line in found(kept, seen))


@pytest.mark.parametrize("places", [("worker", "worker"), ("worker", "gateway")])
def test_two_records_that_changed_places_are_found(kept: Database, places: tuple[str, str]) -> None:
    one, two = at(places[0], 2), at(places[1], 3)
    with kept.write() as tx:
        records = [tx.scalar(sa.select(tables.audit.c.record).where(place)) for place in (one, two)]
        for place, record in zip((two, one), records, strict=True):
            tx.execute(tables.audit.update().where(place).values(record=record))
    assert found(kept)


def test_a_chain_rebuilt_without_the_key_is_found(kept: Database) -> None:
    with kept.write() as tx:
        tx.execute(tables.audit.delete().where(tables.audit.c.chain == "worker"))
        Auditor("worker", b"forged").append(tx, Action.READ, "Encounter/0")
    assert "audit chain worker breaks at 1" in found(kept)
    assert sum("breaks" in line for line in found(kept, key=b"forged")) == 4


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


def restored(kept: Database, heads: dict[str, int]) -> None:
    """Cut both chains to two records, as a ledger of that time has them, and record the restore."""
    with kept.write() as tx:
        tx.execute(tables.audit.delete().where(tables.audit.c.position > 2))
        tx.exec_driver_sql("UPDATE sqlite_sequence SET seq = 4 WHERE name = 'audit'")
        Auditor("cli-1", KEY).record(tx, Action.RESTORE, "ledger", {}, heads)


def test_records_that_a_restored_backup_lacks_are_no_cut(kept: Database) -> None:
    seen = anchors(kept)
    restored(kept, {"worker": 2, "gateway": 2})
    assert found(kept, seen) == []
    with kept.write() as tx:  # from then on no chain may be shorter than the backup's
        tx.execute(tables.audit.delete().where(at("worker", 2)))
    assert any("audit chain worker ends at 1, the chart has its record 4" in line for line in found(kept, seen))


def test_a_record_of_after_a_restore_is_not_excused_by_it(kept: Database) -> None:
    later = [anchor.model_copy(update={"at": clock.now() + timedelta(hours=1)}) for anchor in anchors(kept)]
    restored(kept, {"worker": 2, "gateway": 2})
    assert len([line for line in found(kept, later) if "the chart has its record 4" in line]) == 2
