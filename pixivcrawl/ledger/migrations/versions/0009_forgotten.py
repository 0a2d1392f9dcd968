"""What a person wants no more."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "forgotten",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("subject", "subject_id", name="forgotten_pkey"),
        sqlite_with_rowid=False,
    )
