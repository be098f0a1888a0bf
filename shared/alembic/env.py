"""Alembic's environment for every service: it works on the connection and metadata that `shared.migrate` hands over."""

from alembic import context

from shared.migrate import include_object

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes["metadata"],
    include_object=include_object,
    compare_type=True,
    transaction_per_migration=False,
)
context.run_migrations()
