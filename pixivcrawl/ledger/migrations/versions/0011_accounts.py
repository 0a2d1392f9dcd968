"""What each account may ask of a host: pause, requests of a day and pace; a host's own pause stays apart."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("account", NUMBER, autoincrement=False, nullable=False),
        sa.Column("paused_at", TIME, nullable=True),
        sa.Column("paused_until", TIME, nullable=True),
        sa.Column("spent_on", sa.Text(), nullable=True),
        sa.Column("spent", NUMBER, server_default=sa.text("0"), nullable=False),
        sa.Column("delay", NUMBER, nullable=True),
        sa.Column("usual", NUMBER, nullable=True),
        sa.Column("answers", NUMBER, nullable=True),
        sa.Column("refused_at", TIME, nullable=True),
        sa.Column("refused_session", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("host", "account", name="accounts_pkey"),
    )
    op.execute(
        "INSERT INTO accounts (host, account, delay, usual, answers, refused_at)"
        " SELECT host, account, delay, usual, answers, refused_at FROM paces"
    )
    # Nobody noted who sent the requests of the day: whoever read last is taken to have sent them all.
    op.execute(
        "INSERT INTO accounts (host, account, spent_on, spent)"
        " SELECT host, coalesce(reader, -session, 0), spent_on, spent FROM hosts,"
        " (SELECT reader, session FROM crawls ORDER BY id DESC LIMIT 1) AS last WHERE spent_on IS NOT NULL"
        " ON CONFLICT (host, account) DO UPDATE SET spent_on = excluded.spent_on, spent = excluded.spent"
    )
    op.drop_table("paces")
    op.drop_column("hosts", "spent_on")
    op.drop_column("hosts", "spent")
