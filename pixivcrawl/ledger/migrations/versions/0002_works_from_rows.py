"""What suffices for the works of a list, and an index of the works that are known from rows alone."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

READ_TO_END: sa.Column[bool] = sa.Column("read_to_end", sa.Boolean(), server_default=sa.text("false"), nullable=False)
"""As it is: SQLite would give its default back in brackets."""


def upgrade() -> None:
    # SQLite: the table is created again, so that it reads as one that never was another. PostgreSQL adds a column to what others point to.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("crawls", recreate=recreate, reflect_args=(READ_TO_END,)) as crawls:
        crawls.add_column(sa.Column("suffices", sa.Text(), server_default="full", nullable=False))
    op.create_index(
        "artworks_of_rows",
        "artworks",
        ["id"],
        sqlite_where=sa.text("artworks.detail = 'listing'"),
        postgresql_where=sa.text("artworks.detail = 'listing'"),
    )
