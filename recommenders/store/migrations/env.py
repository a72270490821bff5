"""Runs the migrations on the connection handed over by `Store.migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="mixtape")
context.run_migrations()
