"""What pixiv's answers say of works, tags, comments, series and users that had no column, and what users' profiles said before;
and where answers lie in the journal.
"""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

NEW: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {
    "users": {
        "described": TIME,
        "background": sa.Text(),
        "social": sa.Text(),
        "workspace": sa.Text(),
        "pickup": sa.Text(),
    },
    "artworks": {
        "series_order": NUMBER,
        "is_original": sa.Boolean(),
        "is_login_only": sa.Boolean(),
        "location_mask": sa.Boolean(),
        "reuploaded": TIME,
        "book_style": NUMBER,
        "translated_title": sa.Text(),
        "translated_caption": sa.Text(),
        "request": sa.Text(),
        "poll": sa.Text(),
    },
    "comments": {"image": sa.Text(), "has_replies": sa.Boolean()},
    "series": {"latest": NUMBER},
}


def upgrade() -> None:
    # SQLite: the table is created again, so that it reads as one that never was another. PostgreSQL adds a column to what others point to.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    for name, columns in NEW.items():
        with op.batch_alter_table(name, recreate=recreate) as table:
            for column, kind in columns.items():
                table.add_column(sa.Column(column, kind, nullable=True))
    _widen_artwork_tags()
    op.create_table(
        "user_versions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("true_from", TIME, nullable=False),
        sa.Column("true_to", TIME, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="user_versions_user_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="user_versions_pkey"),
    )
    op.create_index("user_versions_user_id", "user_versions", ["user_id"])
    _point_to_the_journal()


def _widen_artwork_tags() -> None:
    """By hand on SQLite: Alembic would write its two foreign keys in any order."""
    new = [sa.Column("locked", sa.Boolean(), nullable=True), sa.Column("user_id", NUMBER, nullable=True)]
    if op.get_bind().dialect.name != "sqlite":
        for column in new:
            op.add_column("artwork_tags", column)
        return
    op.rename_table("artwork_tags", "artwork_tags_before")
    op.create_table(
        "artwork_tags",
        sa.Column("artwork_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tag_id", NUMBER, nullable=False),
        *new,
        sa.PrimaryKeyConstraint("artwork_id", "position", name="artwork_tags_pkey"),
        sa.ForeignKeyConstraint(["artwork_id"], ["artworks.id"], name="artwork_tags_artwork_id_fkey"),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name="artwork_tags_tag_id_fkey"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO artwork_tags SELECT artwork_id, position, tag_id, NULL, NULL FROM artwork_tags_before")
    op.drop_table("artwork_tags_before")


def _point_to_the_journal() -> None:
    """Where answers lie in the journal, in place of a second copy of them."""
    # The answers themselves are in the journal by now; `pixivcrawl upgrade` fills both tables from there.
    op.drop_table("bodies")
    op.create_table(
        "answers",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("subject_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        *_location(),
        sa.PrimaryKeyConstraint("endpoint", "subject_id", name="answers_pkey"),
    )
    op.drop_table("snapshots")
    op.create_table(
        "snapshots",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        *_location(),
        sa.PrimaryKeyConstraint("id", name="snapshots_pkey"),
    )
    op.create_index("snapshots_endpoint", "snapshots", ["endpoint", "read_at"])


def _location() -> list[sa.Column[str] | sa.Column[int]]:
    return [
        sa.Column("archive", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("start", NUMBER, nullable=False),
        sa.Column("length", NUMBER, nullable=False),
    ]
