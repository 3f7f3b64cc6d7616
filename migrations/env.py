"""Alembic's door. The database is handed over by portal/schema.py; there is no ini file and no address here."""

from alembic import context

from portal.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata(),
    render_as_batch=True,  # SQLite alters a table by copying it
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
