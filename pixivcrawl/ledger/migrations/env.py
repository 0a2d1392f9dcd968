"""Alembic's environment: it runs on the connection that engine.py has opened, inside its transaction."""

from alembic import context

from pixivcrawl.ledger.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
