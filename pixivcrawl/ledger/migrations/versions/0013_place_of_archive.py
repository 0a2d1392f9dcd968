"""Where an archive lies that shares a ledger on a server with others."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("journal", sa.Column("place", sa.Text(), nullable=True))
