"""In which archive a file lies, where several share a ledger on a server."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    for table in ("files", "user_files"):
        op.add_column(table, sa.Column("archive", sa.Text(), nullable=True))
