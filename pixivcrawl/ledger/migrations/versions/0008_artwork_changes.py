"""What changed in what a gallery shows, and the works of an artist in order."""

import random

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    changes = op.create_table(
        "artwork_changes",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("number", "kind", "subject_id", name="artwork_changes_pkey"),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(changes, [{"number": 0, "kind": "ledger", "subject_id": random.getrandbits(62)}])
    op.create_index("artworks_artist", "artworks", ["user_id", "id"])
