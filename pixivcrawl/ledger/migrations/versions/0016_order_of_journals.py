"""In which order the archives that share a ledger on a server committed."""

from alembic import op
from sqlalchemy import Sequence
from sqlalchemy.schema import CreateSequence

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    if op.get_bind().dialect.supports_sequences:
        op.execute(CreateSequence(Sequence("journal_order")))
