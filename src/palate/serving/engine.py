"""A loaded run, ready to answer many at once.

An engine never changes: another version, or items that came, are another engine, and requests that
are under way finish on theirs.

Legend: n histories, i items of the catalogue, d width of an item's vector.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.data.attributes import Attributes, Mask
from palate.data.cases import Histories
from palate.data.catalogue import Catalogue
from palate.errors import ConfigError, RunError
from palate.evaluation.ranking import NOTHING, top_k
from palate.experiments.item_search import LEXICAL, LazySearch
from palate.experiments.run import Run
from palate.recommenders.base import ReadsItems, Recommender, Represents, Scores
from palate.recommenders.item_vectors import item_table
from palate.search.items.conditions import Conditions
from palate.search.items.search import ItemSearchConfig
from palate.serving import diversity
from palate.serving.batching import Batched
from palate.serving.describing import described_anew, fitting
from palate.serving.finding import Finder
from palate.serving.people import Known, People
from palate.serving.store.events import Since
from palate.serving.store.items import Described
from palate.serving.trained import learned_until, like_from, reads_likes

if TYPE_CHECKING:
    from palate.conversation.dialogue import Reading
    from palate.serving.index import Index

CELLS = 2**25  # scores that are held at once: 128 MiB
BATCH = 64  # histories in one batch, at most
CANDIDATES = 10  # for each item wanted, of which a list with diversity is chosen
SHOWN = 50_000  # items whose attributes are kept as they are told
QUICK = 0.002  # seconds for one history, up to which another thread takes longer to wake
SLOW, TRIES = 0.1, 5  # seconds for one history that are sure after one try; others have some
SAMPLE = 2.0  # of what an index finds beyond what is wanted, for what is left out of it


@dataclass(frozen=True)
class Query:
    """What is wanted for one person.

    Attributes:
        known: what is known of them.
        exclude: further items that are not shown.
        mask: [i] what may be shown; None is all.
        diversity: 0 goes by scores alone; towards 1, items differ more and more.
        seen: items of the history may be shown again.
    """

    known: Known
    k: int = 10
    exclude: frozenset[int] = frozenset()
    mask: Mask | None = None
    diversity: float = 0.0
    seen: bool = False

    @property
    def gone(self) -> npt.NDArray[np.int64]:
        """Items that are not shown."""
        refused = self.known.gone - set(self.known.items)
        whole = self.exclude | (refused if self.seen else self.known.gone)
        return np.fromiter(whole, dtype=np.int64, count=len(whole))


@dataclass
class Model:
    """The recommender of a run, which one thread at a time may use.

    Engines of one run with other items share it.
    """

    recommender: Recommender
    lock: threading.RLock = field(default_factory=threading.RLock)

    def score(self, histories: Histories) -> Scores:
        """[n, i]; after items were taken in, more columns than an older engine knows."""
        with self.lock:
            return self.recommender.score(histories)

    def represent(self, histories: Histories) -> Scores:
        """[n, d]"""
        assert isinstance(self.recommender, Represents)
        with self.lock:
            return self.recommender.representations(histories)

    @cached_property
    def vectors(self) -> Scores | None:
        """[i, d] of the items as they were trained, or None where it knows them by no vectors."""
        recommender = self.recommender
        with self.lock:
            if isinstance(recommender, Represents):
                try:
                    return recommender.item_representations()
                except ConfigError:  # a net whose head is more than a product
                    return None
            try:
                return item_table(recommender).numpy()
            except ConfigError:
                return None


class Engine:
    """A run that answers.

    Attributes:
        name: under which it is served.
        version: of the run: the name of its folder.
        learned: the newest event of the store that it learned from.
        waiting: ids of added items that it cannot rank before an update.
        search: finds items by what is written.
        seconds: that it takes to score one history alone, as last measured.
    """

    seconds = float("inf")

    def __init__(
        self,
        run: Run,
        name: str,
        model: Model,
        catalogue: Catalogue,
        people: People,
        index: Index | None = None,
        waiting: frozenset[str] = frozenset(),
    ) -> None:
        self.run, self.name, self.version = run, name, run.folder.resolve().name
        self.model, self.catalogue, self.people = model, catalogue, people
        self.index, self.waiting = index, waiting
        self.learned = learned_until(run)
        counts = np.pad(people.counts(), (0, len(catalogue) - len(people.counts())))
        self.finder = Finder(catalogue, counts)
        self.attributes = Attributes(catalogue)
        self.conditions = Conditions(catalogue)
        self.search = self._search(ItemSearchConfig(pipeline=LEXICAL))
        self._shown: dict[int, dict[str, Any]] = {}
        most = max(1, min(BATCH, CELLS // len(catalogue)))
        self._scored = Batched(self._score_all, most)
        self._represented = Batched(model.represent, BATCH)

    @classmethod
    def load(cls, run: Run, name: str, index: str = "exact", search: str = LEXICAL) -> Engine:
        """Load a run and try it.

        Args:
            index: ``exact``, or ``hnsw`` for an approximate index of the items' vectors.
            search: stages that find items by what is written.

        Raises:
            RunError: the folder is no whole run.
            ConfigError: the recommender has no vectors for an index.
        """
        try:
            catalogue, recommender = run.catalogue(), run.recommender()
            people = People(run.histories(), catalogue, like_from(run), reads_likes(run))
            model = Model(recommender)
            engine = cls(run, name, model, catalogue, people)
            if search != LEXICAL:
                engine.search = engine._search(ItemSearchConfig(pipeline=search))
                engine.search.relevance(catalogue.titles[0])  # vectors are made before anyone asks
            probe = engine.score(Histories.of([[], [0]]))
        except RunError:
            raise
        except Exception as error:  # a file that is cut short fails in as many ways as there are
            told = " ".join(str(error).split())[:200] or type(error).__name__
            raise RunError(
                f"{run.folder}: cannot be loaded: {told}; is the folder whole? Train it again, or "
                "activate another version"
            ) from error
        if probe.shape[1] < len(catalogue) or np.isnan(probe).any():
            raise RunError(f"{run.folder}: its model gives no usable scores; train it again")
        engine.measure()
        return engine if index == "exact" else engine._indexed()

    def measure(self) -> float:
        """Seconds that it takes to score one history alone; the best of some tries."""
        found = self.people.probes(1)
        probe = found if len(found) else Histories.of([[0]])
        self.seconds = float("inf")
        for _ in range(TRIES):
            begun = time.perf_counter()
            self._score_all(probe)
            self.seconds = min(self.seconds, time.perf_counter() - begun)
            if self.seconds > SLOW:
                break
        return self.seconds

    @property
    def quick(self) -> bool:
        """Whether to wait for it is shorter than to hand it to another thread."""
        # One that reads items may be busy reading them.
        return self.seconds < QUICK and not self.reads_items

    def _indexed(self) -> Engine:
        from palate.serving.index import Index

        vectors = self.model.vectors
        if not isinstance(self.model.recommender, Represents) or vectors is None:
            raise ConfigError(
                f"--index hnsw: {self.run.method} does not score by a product of two vectors; "
                "leave it out for this run"
            )
        probes = self.model.represent(self.people.probes(200))
        return self._with(self.catalogue, Index(vectors, probes), self.waiting)

    def _with(self, catalogue: Catalogue, index: Index | None, waiting: frozenset[str]) -> Engine:
        made = Engine(self.run, self.name, self.model, catalogue, self.people, index, waiting)
        same = catalogue is self.catalogue
        made.search = self.search if same else made._search(self.search.config, catalogue)
        made.seconds = self.seconds
        return made

    def _search(self, config: ItemSearchConfig, catalogue: Catalogue | None = None) -> LazySearch:
        """The search of the items; of a catalogue that is not the run's own, if it is given."""
        counts = self.people.counts()
        unknown = np.ones(len(catalogue or self.catalogue), dtype=bool)
        unknown[: len(counts)] = counts == 0
        return LazySearch(self.run, config, catalogue, unknown & (not self.reads_items))

    @cached_property  # to look a protocol over takes longer than much of a request
    def reads_items(self) -> bool:
        """Whether items that are added are recommendable at once."""
        return isinstance(self.model.recommender, ReadsItems)

    def with_items(self, items: Sequence[Described]) -> Engine:
        """An engine with items added or described anew.

        What the recommender cannot read waits for the next update; titles and attributes of items
        that are there are the new ones at once.
        """
        known = self.finder.index
        fresh = [one for one in items if one.item not in known]
        anew = {one.item: one for one in items if one.item in known}
        frame = self.catalogue.frame
        if anew:
            frame = described_anew(frame, anew)
        recommender, waiting = self.model.recommender, self.waiting
        if not isinstance(recommender, ReadsItems):
            return self._with(Catalogue(frame), self.index, waiting | {one.item for one in fresh})
        if fresh:
            rows = [{"item": o.item, "title": o.title, **fitting(o, frame)} for o in fresh]
            added = pl.DataFrame(rows, schema=frame.schema)
            frame = pl.concat([frame, added])
        catalogue = Catalogue(frame)
        with self.model.lock:
            recommender.take_items(catalogue)
            self.model.__dict__.pop("vectors", None)
        return self._with(catalogue, None, waiting)

    def score(self, histories: Histories, deadline: float | None = None) -> Scores:
        """[n, i] scores of these histories, together with those of others who ask meanwhile."""
        return self._scored(histories, deadline)

    def _score_all(self, histories: Histories) -> Scores:
        return self.model.score(histories)[:, : len(self.catalogue)]

    def scorer(self, deadline: float | None = None) -> Bound:
        """What dialogues and explanations ask for scores."""
        return Bound(self, deadline)

    def observe(self, batches: Any) -> None:
        """Have *batches* called with the size of each batch."""
        self._scored.batches = self._represented.batches = batches

    def recommend(
        self, queries: Sequence[Query], deadline: float | None = None
    ) -> list[list[tuple[int, float]]]:
        """For each query its items and their scores, best first."""
        if self.index is not None and all(self._plain(query) for query in queries):
            found = self._by_index(queries, deadline)
            if found is not None:
                return found
        histories = _histories([query.known for query in queries])
        scores = self.score(histories, deadline)
        return [self._best(row, query) for row, query in zip(scores, queries, strict=True)]

    def _plain(self, query: Query) -> bool:
        return query.mask is None and query.diversity == 0 and bool(query.known.items)

    def _by_index(
        self, queries: Sequence[Query], deadline: float | None
    ) -> list[list[tuple[int, float]]] | None:
        """As :meth:`recommend`, or None where too much is left out for an index."""
        assert self.index is not None
        histories = _histories([query.known for query in queries])
        vectors = self._represented(histories, deadline)
        most = max(int(SAMPLE * query.k) + len(query.gone) for query in queries)
        items, scores = self.index.search(vectors, min(most, len(self.catalogue)))
        answers = []
        for row, values, query in zip(items, scores, queries, strict=True):
            kept = ~np.isin(row, query.gone) & (row != NOTHING)
            pairs = zip(row[kept].tolist(), values[kept].tolist(), strict=True)
            best = list(pairs)[: query.k]
            if len(best) < min(query.k, len(self.catalogue) - len(query.gone)):
                return None
            answers.append(best)
        return answers

    def _best(self, scores: Scores, query: Query) -> list[tuple[int, float]]:
        allowed = scores.copy()
        allowed[query.gone] = -np.inf
        if query.mask is not None:
            allowed[~query.mask] = -np.inf
        wanted = query.k if query.diversity == 0 else max(CANDIDATES * query.k, 50)
        items, values = (one[0] for one in top_k(allowed[None], min(wanted, len(allowed))))
        items, values = items[items != NOTHING], values[items != NOTHING]
        if query.diversity > 0 and len(items):
            alike = self.similarity(items)
            chosen = diversity.mmr(values.astype(np.float64), alike, query.diversity, query.k)
            items, values = items[chosen], values[chosen]
        return list(zip(items.tolist(), values.tolist(), strict=True))

    def similarity(self, items: npt.NDArray[np.int64]) -> diversity.Values:
        """How alike items are: by the recommender's vectors, else by genres, else not at all."""
        vectors = self.model.vectors
        if vectors is not None and len(vectors) >= len(self.catalogue):
            return diversity.cosine(vectors[items])
        vocabulary = self.reading.vocabulary
        return diversity.jaccard([frozenset(vocabulary.genres_of(i)) for i in items.tolist()])

    @cached_property
    def reading(self) -> Reading:
        """The catalogue as dialogues read it; made when it is first asked for."""
        from palate.conversation.dialogue import Reading

        return Reading.of(self.catalogue, self.search if self.search.installed else None)

    def known(self, user: str, since: Sequence[Since], forgotten: bool) -> Known:
        """What is known of a user; see :meth:`.People.known`."""
        return self.people.known(user, since, self.finder.index, self.learned, forgotten)

    def told(self, titles: Sequence[str]) -> Known:
        """A history of ids or titles that somebody tells.

        Raises:
            DataError: one is not in the catalogue.
        """
        items = tuple(self.finder.find(title) for title in titles)
        return Known(items, None, frozenset(items), 0)

    def attributes_of(self, item: int) -> dict[str, Any]:
        """What the catalogue says of an item beside id, title and texts of any length."""
        found = self._shown.get(item)
        if found is None:
            row = self.catalogue.frame.row(item, named=True)
            found = {
                name: value
                for name, value in row.items()
                if name not in ("item", "title", "text") and value not in (None, "", [])
            }
            if len(self._shown) < SHOWN:
                self._shown[item] = found
        return found


@dataclass(frozen=True)
class Bound:
    """An engine that scores until a deadline."""

    engine: Engine
    deadline: float | None

    def score(self, histories: Histories) -> Scores:
        """[n, i]"""
        return self.engine.score(histories, self.deadline)


def _histories(known: Sequence[Known]) -> Histories:
    liked = None
    if any(one.liked is not None for one in known):
        liked = [[True] * len(o.items) if o.liked is None else list(o.liked) for o in known]
    return Histories.of([one.items for one in known], (), liked)
