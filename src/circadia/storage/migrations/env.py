"""Alembic's entry: the connection comes from `circadia.storage.migrate`."""

from alembic import context

from circadia.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
