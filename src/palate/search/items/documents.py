"""A catalogue as documents, and the index of them that is kept beside a run."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import weakref
from pathlib import Path

import polars as pl

from palate.data.catalogue import TEXTS, Catalogue
from palate.search.documents import Document
from palate.search.index import SearchIndex

YEARS = ("year", "release_year")  # columns whose words are searched beside those of TEXTS
CATALOGUE = "catalogue"  # of what the index was made, in its store
_opening = threading.Lock()


def documents(catalogue: Catalogue) -> list[Document]:
    """One document per item, its id the item's: title, and what genres, texts and year say."""
    there = [name for name in (*TEXTS, *YEARS) if name in catalogue.frame.columns]
    columns = [_words(catalogue, name) for name in there]
    told = zip(*columns, strict=True) if columns else [()] * len(catalogue)
    return [
        Document(item, ". ".join(text for text in texts if text), title)
        for item, title, texts in zip(catalogue.items, catalogue.titles, told, strict=True)
    ]


def index_of(catalogue: Catalogue, folder: Path) -> SearchIndex:
    """The index in *folder*, made or brought up to date with the catalogue in one transaction.

    What did not change is left as it is, with its vectors. Those are kept by the model that made
    them, so that vectors of another one are never read.

    Raises:
        RunError: the folder holds something else, or another process is writing.
    """
    found = documents(catalogue)
    whole = hashlib.blake2b(b"".join(one.digest() for one in found), digest_size=16).hexdigest()
    with _opening:
        there = (folder / "documents.sqlite").is_file()
        index = SearchIndex(folder) if there else SearchIndex.create(folder)
        with index.reading() as snapshot:
            if snapshot.store.meta(CATALOGUE) == whole:
                return index
            gone = set(snapshot.store.ids()) - set(catalogue.items)
        with index.writing() as writer:
            for one in found:
                writer.put(one)
            for document in sorted(gone):
                writer.delete(document)
            writer.store.set_meta(CATALOGUE, whole)
    return index


def temporary_index(catalogue: Catalogue) -> SearchIndex:
    """An index in a folder that goes when nobody holds the index any more."""
    folder = tempfile.mkdtemp(prefix="palate-search-")
    index = index_of(catalogue, Path(folder) / "items")
    weakref.finalize(index, shutil.rmtree, folder, ignore_errors=True)
    return index


def _words(catalogue: Catalogue, name: str) -> list[str]:
    column = catalogue.frame[name]
    if column.dtype == pl.List:
        return catalogue.labels(name).list.join(", ").to_list()
    return column.cast(pl.String, strict=False).fill_null("").to_list()
