"""What happened within a span of time is found by its time."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_index("artworks_first_seen", "artworks", ["first_seen"])
    op.create_index("artwork_versions_true_to", "artwork_versions", ["true_to"])
    op.create_index("user_names_first_seen", "user_names", ["first_seen"])
    op.create_index("crawls_started", "crawls", ["started"])
