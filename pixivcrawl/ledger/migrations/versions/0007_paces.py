"""The pace that each account has learned."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "paces",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("account", NUMBER, autoincrement=False, nullable=False),
        sa.Column("delay", NUMBER, nullable=False),
        sa.Column("usual", NUMBER, nullable=False),
        sa.Column("answers", NUMBER, nullable=False),
        sa.Column("refused_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("host", "account", name="paces_pkey"),
    )
