"""A ledger copied in use and put back: whole, or not at all."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.cases import CaseState
from contracts.errors import ConfigurationError, ConfigurationFault, LedgerError, LedgerFault
from integrations.blobs.sealing import Keyring
from integrations.blobs.store import BlobStore
from integrations.ledger import audit, backup, cases, chains, inbox, marks, schema, tables
from integrations.ledger.database import Database
from tests.fakes.samples import KEYRING, NOW, REF, event

AUDIT_KEY = b"a" * 32


@pytest.fixture
def used(db: Database, blobs: BlobStore) -> Database:
    """A ledger with a case, its event, whose body is a blob, and an audit record."""
    inbox.accept(db, blobs, [event(body=b"x" * (inbox.BODY_BYTES + 1))])
    with db.write() as tx:
        cases.open_new(tx, REF, timedelta(minutes=5), NOW)
        audit.Auditor("worker", AUDIT_KEY).append(tx, audit.Action.READ, "Encounter/enc-1")
    return db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def put_back(folder: Path, state: Path, keyring: Keyring = KEYRING) -> backup.Manifest:
    state.mkdir(exist_ok=True)
    blobs = BlobStore.at(str(state / "blobs"), keyring)
    return backup.restore(folder, state / "ledger.db", blobs, AUDIT_KEY)


def refused(folder: Path, state: Path) -> str:
    with pytest.raises(LedgerError) as fault:
        put_back(folder, state)
    assert not (state / "ledger.db").exists()
    return fault.value.kind


def test_what_was_backed_up_is_what_is_put_back(used: Database, blobs: BlobStore, folder: Path, tmp_path: Path) -> None:
    made = backup.take(used, blobs, folder)
    assert (made.blobs, made.events["accepted"], made.cases["opened"], made.cases["open"]) == (1, 1, 1, 1)
    assert made.ledger_schema_version == schema.SCHEMA_VERSION
    assert put_back(folder, tmp_path / "new") == made
    restored = Database(f"sqlite:///{tmp_path}/new/ledger.db")
    stored = BlobStore.at(f"{tmp_path}/new/blobs", KEYRING)
    with restored.read() as tx:
        assert (inbox.balance(tx), cases.balance(tx)) == (made.events, made.cases)
        assert inbox.body(tx, stored, 1) == b"x" * (inbox.BODY_BYTES + 1)
        read = chains.read(tx, AUDIT_KEY)
        assert not any("breaks" in line for line in read.findings)
        assert [restore.heads for restore in read.restores] == [{"worker": 1}]


def test_what_is_not_committed_at_that_moment_is_not_in_the_copy(
    used: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    with used.write() as tx:
        cases.close_undecided(tx, REF.case_id)
        made = backup.take(used, blobs, folder)
    assert made.cases[CaseState.OPEN] == 1
    put_back(folder, tmp_path / "new")
    with Database(f"sqlite:///{tmp_path}/new/ledger.db").read() as tx:
        case = cases.find(tx, REF.case_id)
    assert case and case.state == CaseState.OPEN


def test_a_later_backup_copies_only_the_blobs_that_the_folder_lacks(
    used: Database, blobs: BlobStore, folder: Path
) -> None:
    backup.take(used, blobs, folder)
    shutil.rmtree(blobs.root)  # what the folder has is not read again
    inbox.accept(used, blobs, [event("obs-2", body=b"y" * (inbox.BODY_BYTES + 1))])
    assert backup.take(used, blobs, folder).blobs == 2
    assert len([file for file in (folder / "blobs").rglob("*") if file.is_file()]) == 2
    assert len(list(folder.glob("*.db"))) == 1, "the older copy is gone"


def test_a_backup_that_fails_leaves_the_one_before_it_whole(
    used: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    made = backup.take(used, blobs, folder)
    inbox.accept(used, blobs, [event("obs-2", body=b"y" * (inbox.BODY_BYTES + 1))])
    lost = blobs.keyring.name_bytes(b"y" * (inbox.BODY_BYTES + 1))
    Path(blobs._path(lost)).unlink()
    with pytest.raises(LedgerError) as fault:
        backup.take(used, blobs, folder)
    assert fault.value.kind == LedgerFault.BLOB_MISSING
    assert put_back(folder, tmp_path / "new") == made


def test_every_column_that_names_a_blob_is_followed(db: Database) -> None:
    named = {
        (table.name, column.name)
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("blob")
    }
    assert named == {
        ("inbox", "body_blob"), ("cases", "suggestion_blob"), ("cases", "snapshot_blob"), ("runs", "snapshot_blob"),
        ("runs", "suggestion_blob"), ("calls", "call_blob"), ("trajectories", "blob"), ("models", "rows_blob"),
    }  # fmt: skip
    with db.write() as tx:
        tx.execute(
            tables.runs.insert().values(case_id="c", version=1, snapshot_blob="s", suggestion_blob="p", shown_at=NOW)
        )
        tx.execute(tables.calls.insert().values(case_id="c", version=1, request_hash="h", position=0, call_blob="m"))
        tx.execute(tables.trajectories.insert().values(case_id="c", blob="t", trainable=False, recorded_at=NOW))
        assert backup.blob_names(tx) == {"s", "p", "m", "t"}


def test_a_state_that_has_a_ledger_is_left_alone(
    used: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    backup.take(used, blobs, folder)
    with pytest.raises(LedgerError) as fault:
        put_back(folder, tmp_path)  # where `used` lies
    assert fault.value.kind == LedgerFault.LEDGER_THERE
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "ledger.db-wal").write_bytes(b"of another ledger")
    assert refused(folder, tmp_path / "half") == "ledger_there"


def test_a_folder_without_a_manifest_is_no_backup(
    used: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    backup.take(used, blobs, folder)
    (folder / backup.MANIFEST).unlink()
    assert refused(folder, tmp_path / "new") == "no_backup"
    (folder / backup.MANIFEST).write_text("{")
    assert refused(folder, tmp_path / "new") == "backup_damaged"


def test_a_changed_copy_of_the_ledger_is_refused(
    used: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    copy = folder / backup.take(used, blobs, folder).ledger_file
    content = copy.read_bytes()
    copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert refused(folder, tmp_path / "new") == "backup_damaged"
    copy.unlink()
    assert refused(folder, tmp_path / "new") == "backup_damaged"


def test_a_backup_that_lacks_a_blob_is_refused(used: Database, blobs: BlobStore, folder: Path, tmp_path: Path) -> None:
    backup.take(used, blobs, folder)
    (blob,) = (file for file in (folder / "blobs").rglob("*") if file.is_file())
    blob.unlink()
    assert refused(folder, tmp_path / "new") == "backup_damaged"


def test_other_keys_are_refused(used: Database, blobs: BlobStore, folder: Path, tmp_path: Path) -> None:
    backup.take(used, blobs, folder)
    for number, other in enumerate(
        (Keyring("k1", {"k1": b"2" * 32}, KEYRING.naming_key), Keyring("k1", KEYRING.keys, b"m"))
    ):
        with pytest.raises((ConfigurationError, LedgerError)) as fault:
            put_back(folder, tmp_path / f"new-{number}", other)
        assert fault.value.kind in (ConfigurationFault.CHANGED_AT_REST, LedgerFault.WRONG_KEYS)
        assert not (tmp_path / f"new-{number}" / "ledger.db").exists()


def test_a_ledger_of_another_schema_is_not_put_in_place(
    used: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    with used.write() as tx:
        marks.set_mark(tx, "schema_version", "0")
    backup.take(used, blobs, folder)
    assert refused(folder, tmp_path / "new") == "schema_version"


def test_after_a_restore_each_process_begins_another_audit_chain(
    used: Database, blobs: BlobStore, folder: Path, tmp_path: Path
) -> None:
    with used.read() as tx:
        assert audit.chain_name(tx, "worker") == "worker"
    backup.take(used, blobs, folder)
    put_back(folder, tmp_path / "new")
    with Database(f"sqlite:///{tmp_path}/new/ledger.db").read() as tx:
        name = audit.chain_name(tx, "worker")
        restored = datetime.fromisoformat(marks.mark(tx, audit.RESTORED) or "")
        record = tx.execute(sa.select(tables.audit).where(tables.audit.c.chain.startswith("cli-"))).one()
    assert name == f"worker-{restored:%Y%m%d%H%M%S}"
    assert (record.position, json.loads(record.record)["action"]) == (1, "restore")
