"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bodies",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("subject_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "subject_id", name="bodies_pkey"),
    )
    op.create_table(
        "bookmarks",
        sa.Column("user_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("artwork_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("bookmark_id", NUMBER, nullable=True),
        sa.Column("position", NUMBER, nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("unlisted", TIME, nullable=True),
        sa.PrimaryKeyConstraint("user_id", "artwork_id", name="bookmarks_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "comments",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("artwork_id", NUMBER, nullable=False),
        sa.Column("parent_id", NUMBER, nullable=True),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("stamp_id", NUMBER, nullable=True),
        sa.Column("written", sa.Text(), nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="comments_pkey"),
    )
    op.create_index("comments_artwork_id", "comments", ["artwork_id"])
    op.create_table(
        "commission_requests",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("creator_id", NUMBER, nullable=True),
        sa.Column("requester_id", NUMBER, nullable=True),
        sa.Column("artwork_id", NUMBER, nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("price", NUMBER, nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="commission_requests_pkey"),
    )
    op.create_table(
        "crawls",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("list_id", NUMBER, nullable=True),
        sa.Column("list_key", sa.Text(), nullable=False),
        sa.Column("spider", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("resumes", NUMBER, nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("frontier", sa.Text(), nullable=True),
        sa.Column("read_to_end", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("found", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("exit_code", NUMBER, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.Column("started", TIME, nullable=False),
        sa.Column("ended", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="crawls_pkey"),
    )
    op.create_index("crawls_list", "crawls", ["list_key", "id"])
    op.create_table(
        "follows",
        sa.Column("follower_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("followed_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("private", sa.Boolean(), nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("unlisted", TIME, nullable=True),
        sa.PrimaryKeyConstraint("follower_id", "followed_id", name="follows_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hosts",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("paused_at", TIME, nullable=True),
        sa.Column("paused_until", TIME, nullable=True),
        sa.Column("spent_on", sa.Text(), nullable=True),
        sa.Column("spent", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("host", name="hosts_pkey"),
    )
    op.create_table(
        "ranking_entries",
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("date", sa.Text(), nullable=False),
        sa.Column("artwork_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("rank", NUMBER, nullable=False),
        sa.Column("previous_rank", NUMBER, nullable=False),
        sa.Column("seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("mode", "content", "date", "artwork_id", name="ranking_entries_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("caption", sa.Text(), nullable=True),
        sa.Column("total", NUMBER, nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="series_pkey"),
    )
    op.create_table(
        "series_artworks",
        sa.Column("series_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("artwork_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("seen", TIME, nullable=False),
        sa.Column("unlisted", TIME, nullable=True),
        sa.PrimaryKeyConstraint("series_id", "artwork_id", name="series_artworks_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="snapshots_pkey"),
    )
    op.create_index("snapshots_endpoint", "snapshots", ["endpoint", "read_at"])
    op.create_table(
        "tags",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="tags_pkey"),
        sa.UniqueConstraint("name", name="tags_name_key"),
    )
    op.create_table(
        "users",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("webpage", sa.Text(), nullable=True),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("availability", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("unavailable_reason", sa.Text(), nullable=True),
        sa.Column("unavailable_since", TIME, nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
    )
    op.create_table(
        "artworks",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("caption", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("page_count", NUMBER, nullable=True),
        sa.Column("created", TIME, nullable=True),
        sa.Column("uploaded", TIME, nullable=True),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("width", NUMBER, nullable=True),
        sa.Column("height", NUMBER, nullable=True),
        sa.Column("x_restrict", NUMBER, nullable=True),
        sa.Column("restrict", NUMBER, nullable=True),
        sa.Column("ai_type", NUMBER, nullable=True),
        sa.Column("sanity_level", NUMBER, nullable=True),
        sa.Column("bookmark_count", NUMBER, nullable=True),
        sa.Column("like_count", NUMBER, nullable=True),
        sa.Column("comment_count", NUMBER, nullable=True),
        sa.Column("view_count", NUMBER, nullable=True),
        sa.Column("series_id", NUMBER, nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("availability", sa.Text(), server_default="unknown", nullable=False),
        sa.Column("unavailable_reason", sa.Text(), nullable=True),
        sa.Column("unavailable_since", TIME, nullable=True),
        sa.Column("refused_with_session", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("masked_since", TIME, nullable=True),
        sa.Column("stale_since", TIME, nullable=True),
        sa.Column("row_revision", sa.Text(), nullable=True),
        sa.Column("row_updated", TIME, nullable=True),
        sa.Column("files_state", sa.Text(), server_default="found", nullable=False),
        sa.Column("files_stored", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("bytes_stored", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("failed_runs", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("failed_crawl_id", NUMBER, nullable=True),
        sa.Column("failed_reason", sa.Text(), nullable=True),
        sa.Column("next_attempt", TIME, nullable=True),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("described", TIME, nullable=True),
        sa.Column("comments_read", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="artworks_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="artworks_user_id_fkey"),
    )
    op.create_index(
        "artworks_failed",
        "artworks",
        ["next_attempt"],
        sqlite_where=sa.text("next_attempt IS NOT NULL"),
        postgresql_where=sa.text("next_attempt IS NOT NULL"),
    )
    op.create_index(
        "artworks_status", "artworks", ["user_id", "availability", "files_state", "files_stored", "bytes_stored"]
    )
    op.create_index(
        "artworks_unavailable",
        "artworks",
        ["unavailable_since"],
        sqlite_where=sa.text("unavailable_since IS NOT NULL"),
        postgresql_where=sa.text("unavailable_since IS NOT NULL"),
    )
    op.create_table(
        "tag_translations",
        sa.Column("tag_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tag_id", "language", name="tag_translations_pkey"),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name="tag_translations_tag_id_fkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "user_names",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="user_names_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="user_names_user_id_fkey"),
    )
    op.create_index("user_names_user_id", "user_names", ["user_id"])
    op.create_table(
        "artwork_tags",
        sa.Column("artwork_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("tag_id", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("artwork_id", "position", name="artwork_tags_pkey"),
        sa.ForeignKeyConstraint(["artwork_id"], ["artworks.id"], name="artwork_tags_artwork_id_fkey"),
        sa.ForeignKeyConstraint(["tag_id"], ["tags.id"], name="artwork_tags_tag_id_fkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "artwork_versions",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("artwork_id", NUMBER, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("true_from", TIME, nullable=False),
        sa.Column("true_to", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="artwork_versions_pkey"),
        sa.ForeignKeyConstraint(["artwork_id"], ["artworks.id"], name="artwork_versions_artwork_id_fkey"),
    )
    op.create_index("artwork_versions_artwork_id", "artwork_versions", ["artwork_id"])
    op.create_table(
        "crawl_artworks",
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("list_id", NUMBER, nullable=False),
        sa.Column("artwork_id", NUMBER, nullable=False),
        sa.Column("crawl_id", NUMBER, nullable=False),
        sa.Column("unsettled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="crawl_artworks_pkey"),
        sa.ForeignKeyConstraint(["list_id"], ["crawls.id"], name="crawl_artworks_list_id_fkey"),
        sa.ForeignKeyConstraint(["artwork_id"], ["artworks.id"], name="crawl_artworks_artwork_id_fkey"),
    )
    op.create_index("crawl_artworks_artwork_id", "crawl_artworks", ["artwork_id"])
    op.create_index("crawl_artworks_list", "crawl_artworks", ["list_id", "artwork_id"], unique=True)
    op.create_index(
        "crawl_artworks_unsettled",
        "crawl_artworks",
        ["list_id", "position"],
        sqlite_where=sa.text("crawl_artworks.unsettled"),
        postgresql_where=sa.text("crawl_artworks.unsettled"),
    )
    op.create_table(
        "files",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("artwork_id", NUMBER, nullable=False),
        sa.Column("page", NUMBER, nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("uploaded", TIME, nullable=False),
        sa.Column("width", NUMBER, nullable=True),
        sa.Column("height", NUMBER, nullable=True),
        sa.Column("frames", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("bytes", NUMBER, nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("as_served", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("failed_runs", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("failed_crawl_id", NUMBER, nullable=True),
        sa.Column("failed_reason", sa.Text(), nullable=True),
        sa.Column("next_attempt", TIME, nullable=True),
        sa.Column("served_sha256", sa.Text(), nullable=True),
        sa.Column("served_at", TIME, nullable=True),
        sa.Column("recorded", TIME, nullable=False),
        sa.Column("stored", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="files_pkey"),
        sa.ForeignKeyConstraint(["artwork_id"], ["artworks.id"], name="files_artwork_id_fkey"),
    )
    op.create_index("files_artwork", "files", ["artwork_id", "page", "revision", "kind"], unique=True)
    op.create_index(
        "files_intent",
        "files",
        ["id"],
        sqlite_where=sa.text("files.state = 'intent'"),
        postgresql_where=sa.text("files.state = 'intent'"),
    )
    op.create_index(
        "files_missing",
        "files",
        ["artwork_id"],
        sqlite_where=sa.text("files.state IN ('wanted', 'parked')"),
        postgresql_where=sa.text("files.state IN ('wanted', 'parked')"),
    )
