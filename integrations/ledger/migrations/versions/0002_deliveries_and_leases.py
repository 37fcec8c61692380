"""Table `told` is named `deliveries`; `leases` says which process does what only one may do at a time."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Rename the table with its index, and make the new one."""
    op.rename_table("told", "deliveries")
    op.drop_index("told_case", "deliveries")
    op.create_index("deliveries_case", "deliveries", ["case_id"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
    )
