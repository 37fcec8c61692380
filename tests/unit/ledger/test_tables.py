"""The ledger's file: durable, one view a reader, one version of its schema."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from contracts.errors import LedgerError, LedgerFault
from integrations.ledger import tables
from integrations.ledger.database import Database


def test_a_commit_is_synced_to_disk(db: Database) -> None:
    with db.read() as tx:
        assert tx.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_creating_again_changes_nothing_and_another_schema_is_refused(db: Database) -> None:
    db.create()
    with db.write() as tx:
        tx.execute(tables.marks.update().where(tables.marks.c.name == "schema_version").values(value="0"))
    with pytest.raises(LedgerError) as fault:
        db.create()
    assert fault.value.kind == LedgerFault.SCHEMA_VERSION


def test_a_reader_sees_one_moment(db: Database) -> None:
    with db.read() as reading:
        reading.execute(sa.select(tables.marks)).all()
        with db.write() as tx:
            tx.execute(tables.marks.insert().values(name="later", value="x"))
        assert "later" not in reading.scalars(sa.select(tables.marks.c.name)).all()


def test_times_are_kept_in_utc_and_sort_as_time_does(db: Database) -> None:
    column, offset = sa.Column("at", tables.UtcTime), timezone(timedelta(hours=9))
    bind, result = column.type.process_bind_param, column.type.process_result_value
    moments = [datetime(2026, 1, 5, 9, 0, 0, micro, tzinfo=offset) for micro in (0, 1, 999_999)]
    kept = [bind(moment, None) for moment in moments]
    assert kept == sorted(kept)
    assert [result(text, None) for text in kept] == moments
    assert {len(text) for text in kept} == {32}
    assert result(kept[0], None).tzinfo == UTC


def test_an_error_of_the_database_holds_no_value(db: Database) -> None:
    with pytest.raises(LedgerError) as fault, db.write() as tx:
        tx.execute(tables.marks.insert().values(name="Zebedee", value=None))
    assert "Zebedee" not in repr(fault.value)
    assert fault.value.__cause__ is None


def test_every_column_says_what_it_means() -> None:
    columns = [column for table in tables.metadata.sorted_tables for column in table.columns]
    assert [f"{column.table.name}.{column.name}" for column in columns if not column.doc] == []
