"""Named data sets: what there is, where it comes from, and how it gets here."""

from palate.data.sources.fetch import fetch, is_fetched
from palate.data.sources.named import NamedData, get, names

__all__ = ["NamedData", "fetch", "get", "is_fetched", "names"]
