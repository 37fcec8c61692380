"""A ledger of an older program is brought to today's schema with every row, or stays as it was."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from contracts.errors import LedgerError
from integrations.blobs.store import BlobStore
from integrations.ledger import attestation, backup, chains, marks, schema, tables
from integrations.ledger.database import Database
from tests.fakes.full_ledger import KEY

REPOSITORY = Path(__file__).parents[3]
OLD = REPOSITORY / "tests" / "replay" / "ledgers" / "schema_1.sql"
"""A ledger of schema 1, as `tests.fakes.full_ledger` filled it then, with a row in each table."""
RENAMED = {"told": "deliveries"}
WHERE = "sqlite_where"
NEW = {"leases", "alembic_version", "evidence", "acknowledged", "corrections"}

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as ledger:
        ledger.executescript(OLD.read_text())
    return file


@pytest.fixture
def migrated(old: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{old}")
    db.create()
    yield db
    db.close()


def rows(file: Path) -> Rows:
    """Return the rows of every table that is ours, in the order of their content."""
    with closing(sqlite3.connect(file)) as ledger:
        names = [name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(ledger.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


def schema_of(file: Path) -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(file)) as ledger:
        return set(ledger.execute("SELECT type, name, sql FROM sqlite_master"))


def described(db: Database) -> dict[str, list[Any]]:
    """Return columns in their order, keys, constraints and indexes of each table, as the database has them."""
    with db.read() as tx:
        found = sa.inspect(tx)
        return {
            table: [
                [{**column, "type": str(column["type"])} for column in found.get_columns(table)],
                found.get_pk_constraint(table)["constrained_columns"],
                sorted(unique["column_names"] for unique in found.get_unique_constraints(table)),
                sorted(
                    (index["name"], index["column_names"], index["unique"], str(index["dialect_options"].get(WHERE)))
                    for index in found.get_indexes(table)
                ),
            ]
            for table in found.get_table_names()
        }


def run(script: str, ledger: Path) -> subprocess.Popen[str]:
    """Start a process that executes a script with `schema` and the `db` of a ledger."""
    head = f"from integrations.ledger import schema, database; db = database.Database('sqlite:///{ledger}')\n"
    return subprocess.Popen([sys.executable, "-c", head + script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def test_the_old_ledger_has_a_row_in_every_table(old: Path) -> None:
    kept = rows(old)
    assert [name for name, there in kept.items() if not there] == []
    names = {RENAMED.get(name, name) for name in kept} - {"sqlite_sequence"}
    assert names >= {table.name for table in tables.metadata.sorted_tables} - NEW


def test_an_old_ledger_has_the_schema_of_a_new_one_and_every_row(old: Path, migrated: Database, db: Database) -> None:
    with closing(sqlite3.connect(":memory:")) as before_it:
        before_it.executescript(OLD.read_text())
        before = {
            RENAMED.get(name, name): sorted(before_it.execute(f"SELECT * FROM {name}"), key=repr)
            for (name,) in before_it.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        }
    with migrated.read() as tx:
        assert compare_metadata(MigrationContext.configure(tx), tables.metadata) == []
    assert described(migrated) == described(db)
    after = rows(old)
    assert set(after) - set(before) == NEW and all(after[name] == [] for name in NEW - {"alembic_version"})
    before["marks"] = sorted((n, str(schema.SCHEMA_VERSION) if n == schema.MARK else v) for n, v in before["marks"])
    assert {name: after[name] for name in before} == before


def test_what_the_audit_vouched_for_is_as_it_was(migrated: Database) -> None:
    with migrated.read() as tx:
        read = chains.read(tx, KEY)
        assert read.findings == [] and len(read.latest) > 30 and read.events
        assert list(attestation.differences(tx, KEY, read.latest)) == []
        assert list(attestation.events_differences(tx, KEY, read.events)) == []


def test_an_old_ledger_keeps_when_its_values_were_first_sealed(old: Path, migrated: Database) -> None:
    then = dict(line.split("','") for line in OLD.read_text().splitlines() if "values_bound_since'," in line)
    with migrated.read() as tx:
        assert [marks.mark(tx, marks.BOUND_SINCE)] == [value.removesuffix("');") for value in then.values()]


def test_a_ledger_of_the_oldest_programs_gets_what_it_lacks(old: Path, db: Database) -> None:
    with closing(sqlite3.connect(old)) as ledger:
        ledger.executescript("DROP TABLE readings; DROP INDEX told_case; DROP INDEX cases_state")
    oldest = Database(f"sqlite:///{old}")
    oldest.create()
    assert described(oldest) == described(db)


def test_creating_a_migrated_or_a_new_ledger_again_changes_nothing(old: Path, migrated: Database, db: Database) -> None:
    before = schema_of(old), rows(old), described(db)
    migrated.create()
    db.create()
    assert (schema_of(old), rows(old), described(db)) == before


@pytest.mark.parametrize("other", [str(schema.SCHEMA_VERSION + 1), "0", "x"])
def test_a_ledger_of_an_unknown_schema_is_refused_and_left_alone(old: Path, other: str) -> None:
    with closing(sqlite3.connect(old)) as ledger, ledger:
        ledger.execute("UPDATE marks SET value = ? WHERE name = 'schema_version'", [other])
    before = schema_of(old), rows(old)
    with pytest.raises(LedgerError) as fault:
        Database(f"sqlite:///{old}").create()
    assert fault.value.kind == "schema_version"
    assert (schema_of(old), rows(old)) == before


def test_a_process_that_is_killed_in_a_migration_leaves_the_old_schema(old: Path) -> None:
    before = schema_of(old), rows(old)
    killed = run("import os; schema.set_mark = lambda *_: os._exit(9)\ndb.create()", old)
    killed.communicate()
    assert killed.returncode == 9
    assert (schema_of(old), rows(old)) == before
    Database(f"sqlite:///{old}").create()
    assert "deliveries" in rows(old)


def test_a_process_that_is_killed_while_it_makes_a_ledger_leaves_none(tmp_path: Path, db: Database) -> None:
    killed = run("import os; schema.set_mark = lambda *_: os._exit(9)\ndb.create()", tmp_path / "new.db")
    killed.communicate()
    assert killed.returncode == 9
    assert rows(tmp_path / "new.db") == {}


@pytest.mark.parametrize("made", [True, False])
def test_processes_that_start_together_bring_a_ledger_up_once(
    made: bool, old: Path, tmp_path: Path, db: Database
) -> None:
    file = old if made else tmp_path / "new.db"
    Database(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode=WAL")
        holder.execute("BEGIN IMMEDIATE")
        # Each has seen the old schema when it prints, and then waits for the lock.
        seen = "wait = database._patient\ndef patient(c):\n print('old', flush=True)\n return wait(c)\n"
        starting = [run(f"{seen}database._patient = patient\ndb.create()", file) for _ in range(2)]
        assert [process.stdout.readline() for process in starting if process.stdout] == ["old\n"] * 2
        holder.execute("COMMIT")
    for process in starting:
        process.communicate()
        assert process.returncode == 0
    assert described(Database(f"sqlite:///{file}")) == described(db)


def test_a_restored_backup_of_an_old_schema_is_migrated(old: Path, tmp_path: Path, blobs: BlobStore) -> None:
    with closing(sqlite3.connect(old)) as ledger:  # its blobs are not kept
        ledger.executescript("DELETE FROM runs; DELETE FROM calls; DELETE FROM trajectories; DELETE FROM models;")
        ledger.executescript("UPDATE cases SET suggestion_blob = NULL, snapshot_blob = NULL")
    backup.take(Database(f"sqlite:///{old}"), blobs, tmp_path / "backup")
    assert "told" in rows(old)
    backup.restore(tmp_path / "backup", tmp_path / "new.db", blobs, KEY)
    assert rows(tmp_path / "new.db")["deliveries"] == rows(old)["told"]


def test_the_program_wants_the_newest_migration_and_numbers_have_no_gap() -> None:
    config = Config()
    config.set_main_option("script_location", schema.MIGRATIONS)
    found = ScriptDirectory.from_config(config)
    assert found.get_heads() == [f"{schema.SCHEMA_VERSION:04}"]
    newest_first = [script.revision for script in found.walk_revisions()]
    assert newest_first == [f"{number:04}" for number in range(schema.SCHEMA_VERSION, 0, -1)]


def test_a_start_that_migrates_nothing_does_not_load_alembic(db: Database, tmp_path: Path) -> None:
    process = run("db.create()\nimport sys; print('alembic' in sys.modules)", tmp_path / "ledger.db")
    assert process.communicate()[0] == "False\n" and process.returncode == 0


def test_after_an_upgrade_a_transaction_waits_as_long_as_any_other(migrated: Database) -> None:
    with migrated.write() as tx:
        assert tx.exec_driver_sql("PRAGMA busy_timeout").scalar() == 4000
