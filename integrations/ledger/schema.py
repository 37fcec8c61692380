"""The schema of a ledger: which version it has, and how a new or an older ledger is brought to the newest."""

import sqlalchemy as sa

from contracts.errors import LedgerError, LedgerFault
from integrations import clock
from integrations.ledger.marks import BOUND_SINCE, mark, set_mark
from integrations.ledger.tables import marks, metadata

SCHEMA_VERSION = 3
"""Of this program: the number of the newest migration."""
MARK = "schema_version"
MIGRATIONS = "integrations.ledger:migrations"
ADVISORY_LOCK = 0x77617264
"""A number of ours among PostgreSQL's advisory locks."""
revisions = sa.Table(  # Alembic's own, made here for a new ledger, which needs no migration
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def version(tx: sa.Connection) -> int | None:
    """Return the schema version of a ledger, or None for an empty database.

    Raises LedgerError for one that this program does not know, such as that of a newer program.
    """
    found = mark(tx, MARK) if sa.inspect(tx).has_table(marks.name) else None
    if found is None:
        return None
    known = [str(number) for number in range(1, SCHEMA_VERSION + 1)]
    if found not in known:
        raise LedgerError(LedgerFault.SCHEMA_VERSION, f"ledger has {found}, this program wants {SCHEMA_VERSION}")
    return int(found)


def bring_up(tx: sa.Connection) -> None:
    """Bring a ledger to the schema of this program, all in this transaction. Raises LedgerError as `version` does.

    The transaction must hold the write lock on SQLite, so that processes that start together follow each other.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
    found = version(tx)
    if found is None:
        metadata.create_all(tx)
        revisions.create(tx)
        tx.execute(revisions.insert().values(version_num=f"{SCHEMA_VERSION:04}"))
        set_mark(tx, BOUND_SINCE, clock.now().isoformat())
    elif found < SCHEMA_VERSION:
        _migrate(tx)
    set_mark(tx, MARK, str(SCHEMA_VERSION))


def _migrate(tx: sa.Connection) -> None:
    from alembic import command  # its import takes 0.4 s, and nearly every start needs no migration
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.attributes["connection"] = tx
    command.upgrade(config, "head")
