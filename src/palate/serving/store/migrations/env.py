"""Alembic's entry: migrations run on the connection that the store opened."""

from alembic import context

from palate.serving.store.models import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
