"""Imported files found by their sources, as a second import looks for them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

EVIDENCE = sa.text("files.evidence IS NOT NULL")


def upgrade() -> None:
    op.drop_index("files_imported", "files")
    op.create_index(
        "files_imported",
        "files",
        ["source"],
        sqlite_where=EVIDENCE,
        postgresql_where=EVIDENCE,
        # Paths may be longer than what its trees hold.
        postgresql_using="hash",
    )
