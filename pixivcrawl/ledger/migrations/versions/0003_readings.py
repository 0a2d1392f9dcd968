"""Which runs compared all that was known, and since when a follow has been seen without a gap."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
READ_TO_END: sa.Column[bool] = sa.Column("read_to_end", sa.Boolean(), server_default=sa.text("false"), nullable=False)
"""As it is: SQLite would give its default back in brackets."""


def upgrade() -> None:
    # SQLite: the table is created again, so that it reads as one that never was another. PostgreSQL adds a column to what others point to.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("crawls", recreate=recreate, reflect_args=(READ_TO_END,)) as crawls:
        crawls.add_column(sa.Column("full_reading", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    with op.batch_alter_table("follows", recreate=recreate) as follows:
        follows.add_column(sa.Column("again_since", TIME, nullable=True))
