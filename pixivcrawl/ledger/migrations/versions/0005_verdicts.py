"""What is odd about a file that was kept, which body of it the image host named, how often the same doubtful bytes came; ugoira at hand.

And who read each list, which is not known of the runs until now; from whom a work is withheld, which whoever reads next asks for
again; since when pixiv has not found a work or a user; how far the journal is; and the pictures of users.
"""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
READ_TO_END: sa.Column[bool] = sa.Column("read_to_end", sa.Boolean(), server_default=sa.text("false"), nullable=False)
FULL_READING: sa.Column[bool] = sa.Column("full_reading", sa.Boolean(), server_default=sa.text("false"), nullable=False)
AS_SERVED: sa.Column[bool] = sa.Column("as_served", sa.Boolean(), server_default=sa.text("false"), nullable=False)
"""As it is: SQLite would give its default back in brackets."""

IS_ODD = "(files.flaw IS NOT NULL OR files.as_served)"
IS_ZIP = "files.kind = 'ugoira'"
IS_OPEN = "user_files.state IN ('wanted', 'parked', 'intent')"


def upgrade() -> None:
    # SQLite: the table is created again, so that it reads as one that never was another. PostgreSQL adds a column to what others point to.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("files", recreate=recreate, reflect_args=(AS_SERVED,)) as files:
        files.add_column(sa.Column("flaw", sa.Text(), nullable=True))
        files.add_column(sa.Column("etag", sa.Text(), nullable=True))
        files.add_column(sa.Column("last_modified", sa.Text(), nullable=True))
        files.add_column(sa.Column("served_last", TIME, nullable=True))
        files.add_column(sa.Column("served_times", NUMBER, server_default=sa.text("0"), nullable=False))
    op.execute("UPDATE files SET served_last = served_at, served_times = 1 WHERE served_sha256 IS NOT NULL")
    op.create_index("files_odd", "files", ["as_served"], sqlite_where=sa.text(IS_ODD), postgresql_where=sa.text(IS_ODD))
    op.create_index(
        "files_zips", "files", ["artwork_id"], sqlite_where=sa.text(IS_ZIP), postgresql_where=sa.text(IS_ZIP)
    )
    with op.batch_alter_table("crawls", recreate=recreate, reflect_args=(READ_TO_END, FULL_READING)) as crawls:
        crawls.add_column(sa.Column("reader", NUMBER, nullable=True))
        crawls.add_column(sa.Column("session", NUMBER, nullable=True))
        crawls.add_column(sa.Column("confirmed", TIME, nullable=True))
        crawls.add_column(sa.Column("confirmed_cursor", sa.Text(), nullable=True))
    is_confirmed = sa.text("confirmed IS NOT NULL")
    op.create_index(
        "crawls_confirmed",
        "crawls",
        ["session", "confirmed"],
        sqlite_where=is_confirmed,
        postgresql_where=is_confirmed,
    )
    op.execute("UPDATE ranking_entries SET content = 'all' WHERE content = 'complex'")
    op.create_table(
        "journal",
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("bytes", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("archive", name="journal_pkey"),
    )
    with op.batch_alter_table("users", recreate=recreate) as users:
        users.add_column(sa.Column("missing_since", TIME, nullable=True))
    with op.batch_alter_table("artworks", recreate=recreate) as artworks:
        artworks.drop_column("refused_with_session")
        artworks.add_column(sa.Column("withheld_from", NUMBER, nullable=True))
        artworks.add_column(sa.Column("withheld_session", NUMBER, nullable=True))
        artworks.add_column(sa.Column("withheld_at", TIME, nullable=True))
        artworks.add_column(sa.Column("missing_since", TIME, nullable=True))
    op.execute("UPDATE artworks SET availability = 'withheld' WHERE availability IN ('login needed', 'forbidden')")
    op.execute(
        "UPDATE crawl_artworks SET unsettled = true WHERE artwork_id IN (SELECT id FROM artworks WHERE availability = 'withheld') "
        "AND list_id IN (SELECT id FROM crawls WHERE suffices <> 'row')"
    )
    is_withheld = sa.text("artworks.availability = 'withheld'")
    op.create_index(
        "artworks_withheld",
        "artworks",
        ["unavailable_reason", "withheld_from"],
        sqlite_where=is_withheld,
        postgresql_where=is_withheld,
    )
    _make_user_files()


def _make_user_files() -> None:
    op.create_table(
        "user_files",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("uploaded", TIME, nullable=False),
        sa.Column("width", NUMBER, nullable=True),
        sa.Column("height", NUMBER, nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("bytes", NUMBER, nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("as_served", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("flaw", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("failed_runs", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("failed_crawl_id", NUMBER, nullable=True),
        sa.Column("failed_reason", sa.Text(), nullable=True),
        sa.Column("next_attempt", TIME, nullable=True),
        sa.Column("served_sha256", sa.Text(), nullable=True),
        sa.Column("served_at", TIME, nullable=True),
        sa.Column("served_last", TIME, nullable=True),
        sa.Column("served_times", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("recorded", TIME, nullable=False),
        sa.Column("stored", TIME, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="user_files_user_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="user_files_pkey"),
    )
    op.create_index("user_files_user", "user_files", ["user_id", "kind", "revision"], unique=True)
    op.create_index(
        "user_files_open",
        "user_files",
        ["user_id", "kind"],
        sqlite_where=sa.text(IS_OPEN),
        postgresql_where=sa.text(IS_OPEN),
    )
