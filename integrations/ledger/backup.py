"""A copy of the ledger and of the blobs that it names, taken while both are in use, and put back elsewhere."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from contracts.errors import LedgerError, LedgerFault
from contracts.frozen import Frozen
from integrations import clock, files
from integrations.blobs.store import BlobStore
from integrations.ledger import attestation, audit, cases, inbox, marks, schema
from integrations.ledger.database import Database

MANIFEST, BLOBS = "manifest.json", "blobs"


class Manifest(Frozen):
    """What a backup holds. Written last: a folder without it is no backup."""

    schema_version: int = 1
    ledger_schema_version: int
    taken_at: datetime
    events: dict[str, int]
    """The identity of events at that moment (I1)."""
    cases: dict[str, int]
    blobs: int
    ledger_sha256: str
    """Also names the copy, so that the next backup into the same folder can't spoil this one before it is done."""

    @property
    def ledger_file(self) -> str:
        return f"ledger-{self.ledger_sha256[:16]}.db"


def take(db: Database, blobs: BlobStore, folder: Path) -> Manifest:
    """Copy the ledger as of one moment, then each blob that it names and the folder lacks.

    Blobs are on disk before the rows that name them and never change, so what the copy names can be had afterwards.
    Raises LedgerError or ConfigurationError where one is missing or damaged; an older backup in the folder stays whole.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = folder / "ledger.partial"
    partial.unlink(missing_ok=True)
    taken_at = clock.now()
    db.copy_to(partial)
    with _opened(partial) as tx:
        names, events, balance = blob_names(tx), inbox.balance(tx), cases.balance(tx)
    manifest = Manifest(
        ledger_schema_version=schema.SCHEMA_VERSION, taken_at=taken_at, events=events, cases=balance,
        blobs=len(names), ledger_sha256=_sha256(partial),
    )  # fmt: skip
    copied = BlobStore.at(str(folder / BLOBS), blobs.keyring)
    for name in copied.missing(names):
        copied.put(blobs.get(name))
    files.place(partial, folder / manifest.ledger_file)
    written = folder / "manifest.partial"
    written.write_text(manifest.model_dump_json(indent=1))
    files.place(written, folder / MANIFEST)
    for older in set(folder.glob("ledger-*.db")) - {folder / manifest.ledger_file}:
        older.unlink()
    return manifest


def restore(folder: Path, ledger: Path, blobs: BlobStore, audit_key: bytes) -> Manifest:
    """Check a backup, then put its blobs and, last, its ledger in place. Raises LedgerError or ConfigurationError.

    Every blob is opened on its way, so keys that don't belong to the backup are refused.
    """
    if list(ledger.parent.glob(f"{ledger.name}*")):
        raise LedgerError(LedgerFault.LEDGER_THERE, f"{ledger.parent} holds a ledger already: name a new folder")
    manifest = _manifest(folder)
    copy, source = folder / manifest.ledger_file, BlobStore.at(str(folder / BLOBS), blobs.keyring)
    if not copy.exists() or _sha256(copy) != manifest.ledger_sha256:
        raise LedgerError(LedgerFault.BACKUP_DAMAGED, f"{copy} is not the ledger that the manifest tells of")
    with _opened(copy) as tx:
        names = blob_names(tx)
    if lost := source.missing(names):
        raise LedgerError(
            LedgerFault.BACKUP_DAMAGED, f"{len(lost)} of {len(names)} blobs are missing from {folder / BLOBS}"
        )
    for name in sorted(names):
        if blobs.put(source.get(name)) != name:
            raise LedgerError(LedgerFault.WRONG_KEYS, "keys.json is not the one that this backup was made with")
    files.place(_marked(copy, ledger.with_name("restored.partial"), manifest, audit_key), ledger)
    return manifest


def _marked(copy: Path, partial: Path, manifest: Manifest, audit_key: bytes) -> Path:
    """Make the ledger that will be put in place: the copy, and that and when it was restored."""
    for left in partial.parent.glob(f"{partial.name}*"):
        left.unlink()
    shutil.copyfile(copy, partial)
    db = Database(f"sqlite:///{partial}")
    try:
        db.create()  # another schema version is refused here
        with db.write() as tx:
            ended = audit.heads(tx)
            marks.set_mark(tx, audit.RESTORED, clock.now().isoformat())
            auditor = audit.Auditor(audit.chain_name(tx, "cli"), audit_key)
            hashes = attestation.hashes(tx, audit_key, (attestation.Row(attestation.Kind.MARK, (audit.RESTORED,)),))
            detail = f"backup of {manifest.taken_at.isoformat()}"
            auditor.record(tx, audit.Action.RESTORE, "ledger", hashes, ended, detail=detail)
    finally:
        db.close()
    return partial


def blob_names(tx: sa.Connection) -> set[str]:
    """Return the name of every blob that a ledger of any schema names; columns that name one end in `blob`."""
    found, names = sa.inspect(tx), set[str]()
    for table in found.get_table_names():
        for name in (column["name"] for column in found.get_columns(table) if column["name"].endswith("blob")):
            column: sa.ColumnClause[str] = sa.column(name)
            names.update(tx.scalars(sa.select(column).select_from(sa.table(table)).where(column.is_not(None))))
    return names


def _manifest(folder: Path) -> Manifest:
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_text())
    except FileNotFoundError:
        raise LedgerError(
            LedgerFault.NO_BACKUP, f"{folder} has no {MANIFEST}, so it holds no complete backup"
        ) from None
    except (ValidationError, UnicodeError):
        raise LedgerError(LedgerFault.BACKUP_DAMAGED, f"{folder / MANIFEST} can't be read") from None


@contextmanager
def _opened(copy: Path) -> Iterator[sa.Connection]:
    """Read a copy without changing a byte of it."""
    engine = sa.create_engine(f"sqlite:///{copy}")
    with engine.connect() as tx:
        yield tx
    engine.dispose()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
