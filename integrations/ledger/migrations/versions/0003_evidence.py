"""The evidence behind each version; a decided case is not open: news may open the next one meanwhile (I3, I17)."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade() -> None:
    """Make the new tables, and let one case be decided and the next one open."""
    op.create_table(
        "evidence",
        sa.Column("case_id", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("resource", sa.String, primary_key=True),
        sa.Column("version_id", sa.String, nullable=False),
        sa.Column("facts_hash", sa.String, nullable=False),
        sa.Column("rule", sa.String),
        sa.Column("floor", sa.String),
    )
    op.create_index("evidence_resource", "evidence", ["resource"])
    op.create_table(
        "acknowledged",
        sa.Column("case_id", sa.String, primary_key=True),
        sa.Column("reviewer", sa.String, nullable=False),
        sa.Column("acknowledged_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "corrections",
        sa.Column("case_id", sa.String, primary_key=True),
        sa.Column("corrects", sa.String, nullable=False),
        sa.Column("reviewer", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
    )
    op.drop_index("cases_live", "cases")
    open_ = sa.text("state = 'open'")
    op.create_index(
        "cases_open", "cases", ["pathway", "encounter_id"], unique=True, sqlite_where=open_, postgresql_where=open_
    )
