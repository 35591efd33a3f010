"""Where events live: SQLite beside the run, or PostgreSQL by URL; the same code for both."""

from palate.serving.store.database import Store

__all__ = ["Store"]
