"""The search index: a folder that many may read while one writes.

``documents.sqlite`` holds the documents, and the list of segments that belong to what is
committed; ``segments/`` holds the segments. One transaction of SQLite commits both, so whoever
kills a writer leaves what was committed last, and whoever reads sees one state of all.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.config import Config
from palate.errors import DataError, RunError
from palate.search.analysis import AnalysisConfig, Analyzer
from palate.search.documents import Document, DocumentStore
from palate.search.merging import choose
from palate.search.passages import passages
from palate.search.segment import Segment, SegmentWriter, merge
from palate.search.vectors import forget

FORMAT = 1
BATCH = 50_000  # documents between two commits of a long load
GRACE = 60  # seconds for which files that were merged away stay, for those who are reading
T = TypeVar("T")


class IndexConfig(Config):
    """What an index is made with; it cannot be changed afterwards."""

    analysis: AnalysisConfig = AnalysisConfig()
    """How text becomes terms."""
    fields: tuple[str, ...] = ()
    """Fields that are searched beside title and text, each with a weight of its own."""
    appended: tuple[str, ...] = ()
    """Fields whose words count as words of the text."""
    passage_words: int = Field(250, ge=1)
    """Longest passage in words; longer documents are cut for models of language."""
    passage_overlap: int = Field(45, ge=0)
    """Words that a passage repeats of the one before."""


@dataclass(frozen=True)
class View:
    """A segment and which of its documents are alive.

    Attributes:
        alive: [n]
        whole: all are.
    """

    segment: Segment
    alive: npt.NDArray[np.bool_]
    whole: bool


@dataclass
class State:
    """One committed state of an index, shared by all threads that read it."""

    generation: int
    views: tuple[View, ...]
    made: dict[Any, Any] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


class Snapshot:
    """An index as it was at one moment; good until its thread asks for the next one.

    Attributes:
        generation: counts commits.
        views: the segments.
        store: the documents.
    """

    def __init__(self, config: IndexConfig, state: State, store: DocumentStore) -> None:
        self.config = config
        self.generation = state.generation
        self.views = state.views
        self.store = store
        self._state = state

    def __len__(self) -> int:
        return sum(int(view.alive.sum()) for view in self.views)

    def __contains__(self, document: str) -> bool:
        return self.store.get(document) is not None

    def document(self, document: str, version: int | None = None) -> Document:
        """A document as it is, or as a version of it was.

        Raises:
            DataError: there is none of that id, or its words were erased.
        """
        found = self.store.get(document, version)
        if found is None:
            named = document if version is None else f"{document}@{version}"
            raise DataError(f"{self.store.path.parent}: no document '{named}'")
        return found

    def text(self, document: str) -> str:
        """The text of a document, without its title."""
        return self.document(document).text

    def title(self, document: str) -> str:
        """The title of a document."""
        return self.document(document).title

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What *make* returns, made once for this state of the index."""
        with self._state.lock:
            if key not in self._state.made:
                self._state.made[key] = make()
            return self._state.made[key]


class SearchIndex:
    """An index on disk. Threads may share it.

    Attributes:
        folder: where it is.
        config: what it was made with.
        analyzer: makes terms of texts.
    """

    def __init__(self, folder: Path | str) -> None:
        """Open an index.

        Raises:
            RunError: there is none, or a newer version of palate made it.
        """
        self.folder = Path(folder)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._state: State | None = None
        store = self._store()
        try:
            made = store.meta("format")
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self.folder}: no search index ({error})") from None
        if made != FORMAT:
            raise RunError(f"{self.folder}: an index of format {made}; this palate reads {FORMAT}")
        self.config = IndexConfig.model_validate(store.meta("config"))
        self.analyzer = Analyzer(self.config.analysis)

    @classmethod
    def create(cls, folder: Path | str, config: IndexConfig | None = None) -> Self:
        """Make an empty index.

        Raises:
            RunError: the folder holds one already, or something else.
        """
        folder, config = Path(folder), config or IndexConfig()
        Analyzer(config.analysis)
        if (folder / "documents.sqlite").exists():
            raise RunError(
                f"{folder}: there is an index already; add to it with: palate search add {folder}"
            )
        if folder.exists() and any(folder.iterdir()):
            raise RunError(f"{folder}: the folder is not empty; choose another one for the index")
        folder.mkdir(parents=True, exist_ok=True)
        # Made under another name: a process that is killed here leaves no half-made index.
        staged = folder / f".documents.{uuid.uuid4().hex}.sqlite"
        store = DocumentStore(staged, create=True)
        store.begin(write=True)
        store.set_meta("format", FORMAT)
        store.set_meta("config", config.model_dump(mode="json"))
        store.set_meta("manifest", {"generation": 0, "segments": [], "obsolete": []})
        store.commit()
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        staged.replace(folder / "documents.sqlite")
        return cls(folder)

    @property
    def pipeline(self) -> str:
        """The line of stages that queries go through unless they say otherwise."""
        return str(self._store().meta("pipeline") or "bm25")

    def set_pipeline(self, line: str) -> None:
        """Choose it.

        Raises:
            RunError: another process is writing.
        """
        with self.writing() as writer:
            writer.choose(line)

    # Reading

    def snapshot(self) -> Snapshot:
        """The index as it is now."""
        pinned: Snapshot | None = getattr(self._local, "pinned", None)
        if pinned is not None:
            return pinned
        store = self._store()
        for attempt in range(3):
            store.end()
            store.begin()
            try:
                return Snapshot(self.config, self._current(store), store)
            except FileNotFoundError:  # merged away between the two looks
                if attempt == 2:
                    raise
        raise AssertionError

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """One state of the index for all that this thread asks for inside."""
        if getattr(self._local, "pinned", None) is not None:
            yield self._local.pinned
            return
        self._local.pinned = self.snapshot()
        try:
            yield self._local.pinned
        finally:
            self._local.pinned = None
            self._store().end()

    def text(self, document: str) -> str:
        """The text of a document as it is now."""
        return self.snapshot().text(document)

    def title(self, document: str) -> str:
        """The title of a document as it is now."""
        return self.snapshot().title(document)

    def _store(self) -> DocumentStore:
        """This thread's connection."""
        store: DocumentStore | None = getattr(self._local, "store", None)
        if store is None:
            store = self._local.store = DocumentStore(self.folder / "documents.sqlite")
        return store

    def _current(self, store: DocumentStore) -> State:
        manifest = store.meta("manifest")
        with self._lock:
            known = self._state
            if known is not None and known.generation == manifest["generation"]:
                return known
            opened = {} if known is None else {v.segment.name: v.segment for v in known.views}
            dead = np.array(store.dead(), dtype=np.int64)
            views = []
            for entry in manifest["segments"]:
                name = entry["name"]
                segment = opened.get(name) or Segment(self.folder / "segments" / name)
                alive = np.ones(len(segment), dtype=bool)
                alive[segment.places(dead)] = False
                views.append(View(segment, alive, bool(alive.all())))
            state = State(manifest["generation"], tuple(views))
            if known is None or known.generation < state.generation:
                self._state = state
            return state

    # Writing

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Write; what was not committed when the block ends in an error is dropped.

        Raises:
            RunError: another process, or another thread, is writing.
        """
        lock = sqlite3.connect(self.folder / "writer.lock", isolation_level=None, timeout=0)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            lock.close()
            raise RunError(
                f"{self.folder}: somebody else is writing to this index; try again later"
            ) from None
        writer = Writer(self)
        try:
            yield writer
            writer.commit()
        finally:
            writer.close()
            lock.close()

    def add(
        self,
        documents: Iterable[Document],
        *,
        batch: int = BATCH,
        told: Callable[[int], None] | None = None,
    ) -> dict[str, int]:
        """Add documents, or change those whose ids are there; what is the same is left alone.

        Committed every *batch* documents and at the end; visible from then on.

        Args:
            told: called with 1 for every document that was looked at.

        Returns:
            How many were ``added``, ``changed`` and ``same``.

        Raises:
            RunError: another process is writing.
        """
        counts = {"added": 0, "changed": 0, "same": 0}
        with self.writing() as writer:
            for document in documents:
                counts[writer.put(document)] += 1
                if told is not None:
                    told(1)
                if writer.waiting >= batch:
                    writer.commit()
        return counts

    def delete(self, ids: Iterable[str]) -> list[str]:
        """Delete documents by id, and what was computed of their texts; the ids that were there."""
        gone: list[str] = []
        with self.writing() as writer:
            for one in ids:
                document = writer.store.get(one)
                if document is not None and writer.delete(one):
                    gone.append(one)
                    cut = self.config.passage_words, self.config.passage_overlap
                    forget(passages(document, *cut))
        return gone

    def compact(self) -> None:
        """Merge all segments into one, and give back the room of what was deleted.

        The segments that were merged away go a minute later, with the next one who writes: until
        then somebody may be reading them.
        """
        with self.writing() as writer:
            writer.commit(everything=True)
            writer.sweep()
            writer.store.connection.execute("VACUUM")
            writer.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Writer:
    """Changes to an index that become visible together. See :meth:`SearchIndex.writing`."""

    def __init__(self, index: SearchIndex) -> None:
        self.index = index
        self.store = DocumentStore(index.folder / "documents.sqlite")
        self._segments = index.folder / "segments"
        self._segments.mkdir(exist_ok=True)
        self._fresh = self._new()
        self._changed = False
        self.sweep()

    @property
    def waiting(self) -> int:
        """Documents that were put and not committed."""
        return len(self._fresh)

    def put(self, document: Document) -> str:
        """Add or change a document: ``added``, ``changed``, or ``same``."""
        self._begin()
        done = self.store.put(document)
        if done is None:
            return "same"
        number, before = done
        self._fresh.add(number, document)
        self._changed = True
        return "changed" if before else "added"

    def delete(self, document: str) -> bool:
        """Delete a document; whether it was there."""
        self._begin()
        gone = self.store.delete(document) is not None
        self._changed |= gone
        return gone

    def choose(self, pipeline: str) -> None:
        """What queries go through unless they say otherwise."""
        self._begin()
        self.store.set_meta("pipeline", pipeline)
        self.store.commit()

    def commit(self, everything: bool = False) -> None:
        """Make all of it visible.

        Args:
            everything: merge all segments into one.
        """
        self._begin()
        manifest = self.store.meta("manifest")
        segments = manifest["segments"]
        if not self._changed and not (everything and segments):
            self.store.end()
            return
        if len(self._fresh):
            name = _name()
            self._fresh.write(self._segments / name)
            segments.append({"name": name, "documents": len(self._fresh)})
        self._merge(manifest, everything)
        manifest["generation"] += 1
        self.store.set_meta("manifest", manifest)
        self.store.commit()
        self._fresh = self._new()
        self._changed = False

    def close(self) -> None:
        """Drop what was not committed."""
        self.store.end()
        self.store.close()

    def _begin(self) -> None:
        if not self.store.connection.in_transaction:
            self.store.begin(write=True)

    def _new(self) -> SegmentWriter:
        config = self.index.config
        return SegmentWriter(self.index.analyzer, config.fields, config.appended)

    def _merge(self, manifest: dict[str, Any], everything: bool) -> None:
        dead = np.array(self.store.dead(), dtype=np.int64)
        while True:
            entries = manifest["segments"]
            opened = [Segment(self._segments / entry["name"]) for entry in entries]
            gone = [len(segment.places(dead)) for segment in opened]
            which = choose([entry["documents"] for entry in entries], gone, everything)
            if which is None:
                return
            old = opened[which]
            name = _name()
            count = merge(old, dead, self.index.config.fields, self._segments / name)
            for segment in old:
                self.store.forget_dead(segment.numbers[segment.places(dead)].tolist())
            dead = np.array(self.store.dead(), dtype=np.int64)
            manifest["obsolete"] += [{"name": s.name, "at": time.time()} for s in old]
            entries[which] = [{"name": name, "documents": count}] if count else []
            everything = False

    def sweep(self) -> None:
        """Remove what writers that were killed have left, and what was merged away long ago."""
        self._begin()
        manifest = self.store.meta("manifest")
        young = [one for one in manifest["obsolete"] if time.time() - one["at"] < GRACE]
        kept = {entry["name"] for entry in (*manifest["segments"], *young)}
        for path in self._segments.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
        if young != manifest["obsolete"]:
            self.store.set_meta("manifest", manifest | {"obsolete": young})
            self.store.commit()
        self.store.end()


def _name() -> str:
    return uuid.uuid4().hex[:12]
