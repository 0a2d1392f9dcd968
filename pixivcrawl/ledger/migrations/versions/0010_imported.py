"""How a file came that no transfer brought: from which tool's folder, and by what evidence it is what it is."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
EVIDENCE = sa.text("files.evidence IS NOT NULL")


def upgrade() -> None:
    op.add_column("files", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("files", sa.Column("evidence", sa.Text(), nullable=True))
    op.add_column("files", sa.Column("imported", TIME, nullable=True))
    op.create_index("files_imported", "files", ["evidence"], sqlite_where=EVIDENCE, postgresql_where=EVIDENCE)
