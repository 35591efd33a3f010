"""The evaluator: every case ranked over the whole catalogue, and all that can be said of it.

Legend: u cases (one a user, as a rule), i items of the catalogue, k longest list.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from palate.data.cases import Cases, Histories
from palate.errors import ConfigError, DataError, ScoreError
from palate.evaluation import beyond_accuracy, ranking
from palate.evaluation.beyond_accuracy import Features
from palate.evaluation.ranking import Indices, Scores, Values
from palate.evaluation.significance import bootstrap_interval
from palate.evaluation.slices import Slice, slices_by, slices_of_domains

KS = (1, 5, 10, 20, 50)
ACCURACY = {
    "hr": ranking.hr,
    "ndcg": ranking.ndcg,
    "mrr": ranking.mrr,
    "recall": ranking.recall,
    "precision": ranking.precision,
    "map": ranking.average_precision,
}
LISTS = ("novelty", "popularity_bias", "diversity")


@dataclass(frozen=True, eq=False)
class Domains:
    """The domains of a catalogue.

    Attributes:
        names: [d] of two domains or more.
        codes: [i] the position of each item's domain among the names.
    """

    names: list[str]
    codes: Indices


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came out, case by case; metrics are means over it.

    Attributes:
        users: [u] user ids; empty where they are unknown.
        targets: [u] the item that came next.
        ranks: [u] its rank among the unseen items, 0 is best.
        n_candidates: [u] how many items were ranked.
        top_items: [u, k] recommended items, best first; -1 where none was left.
        top_scores: [u, k] their scores.
        history_lengths: [u] events in each history.
        train: the training sequences, which say how popular an item is.
        n_items: size of the catalogue.
        features: [i, d] what the items are like, for diversity; None leaves diversity out.
        ks: lengths of list at which :meth:`metrics` looks.
        domains: of the items; None where there is no more than one.
        domain_ranks: [u] the target's rank among the unseen items of its own domain; likewise.
    """

    users: list[str]
    targets: Indices
    ranks: Indices
    n_candidates: Indices
    top_items: Indices
    top_scores: Scores
    history_lengths: Indices
    train: Histories
    n_items: int
    features: Features | None = None
    ks: tuple[int, ...] = KS
    domains: Domains | None = None
    domain_ranks: Indices | None = None

    def __len__(self) -> int:
        return len(self.ranks)

    @cached_property
    def popularity(self) -> Indices:
        """[i] number of training users of each item."""
        return beyond_accuracy.users_per_item(self.train, self.n_items)

    @cached_property
    def _chosen(self) -> float:
        return beyond_accuracy.profile_popularity(self.popularity, self.train)

    @property
    def names(self) -> list[str]:
        """The metrics that have a value per user, e.g. ``ndcg@10``."""
        lists = [name for name in LISTS if name != "diversity" or self.features is not None]
        cut = [f"{name}@{k}" for name in (*ACCURACY, *lists) for k in self.ks]
        return ["mrr", "auc", *(name for name in cut if name != "diversity@1")]

    def per_user(self, metric: str) -> Values:
        """[u] the value of a metric for each user.

        Args:
            metric: one of :attr:`names`, or the same with another length of list.

        Raises:
            ConfigError: there is no such metric, or the lists are too short for it.
        """
        name, _, length = metric.partition("@")
        if metric == "mrr":
            return ranking.mrr(self.ranks)
        if metric == "auc":
            return ranking.auc(self.ranks, self.n_candidates)
        if not length.isdecimal() or int(length) < 1 or name not in (*ACCURACY, *LISTS):
            near = difflib.get_close_matches(metric, self.names, n=1, cutoff=0)
            raise ConfigError(f"no metric '{metric}' per user; did you mean '{near[0]}'?")
        if name in ACCURACY:
            return ACCURACY[name](self.ranks, int(length))
        lists = self._lists(int(length))
        if name == "novelty":
            return beyond_accuracy.novelty(lists, self.popularity, len(self.train))
        if name == "popularity_bias":
            return beyond_accuracy.popularity_bias(lists, self.popularity, self._chosen)
        if self.features is None:
            raise ConfigError("diversity needs features of the items, e.g. their genres")
        return beyond_accuracy.diversity(lists, self.features)

    def _lists(self, k: int) -> Indices:
        if k > self.top_items.shape[1]:
            raise ConfigError(f"lists of {k} wanted, but only {self.top_items.shape[1]} were kept")
        return self.top_items[:, :k]

    def coverage(self, k: int) -> float:
        """Share of the catalogue in anyone's first *k*."""
        return beyond_accuracy.coverage(self._lists(k), self.n_items)

    def metrics(self) -> dict[str, float]:
        """Every metric, averaged over users, by name: ``ndcg@10``, ``auc``, ``coverage@10`` …"""
        means = {name: float(self.per_user(name).mean()) for name in self.names}
        return means | {f"coverage@{k}": self.coverage(k) for k in self.ks}

    def interval(self, metric: str, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
        """Bootstrap interval, over users, of the mean of a metric."""
        return bootstrap_interval(self.per_user(metric), seed, level)

    def slices(self, metric: str, seed: int = 0) -> list[Slice]:
        """A metric by activity of the user, then by popularity of the target in training.

        Where items have domains, then of those that have targets: see :meth:`domain_slices`.
        """
        values = self.per_user(metric)
        known = self.popularity[self.targets]
        return [
            *slices_by("activity", self.history_lengths, values, seed),
            *slices_by("popularity", known, values, seed),
            *self.domain_slices(metric, seed),
        ]

    def domain_slices(self, metric: str, seed: int = 0) -> list[Slice]:
        """A metric by domain of the target: ranked over the whole catalogue, then in its own only.

        Lists that hold one domain only are not kept, so what lists are like has the first alone.
        """
        if self.domains is None or self.domain_ranks is None:
            return []
        targets, names = self.domains.codes[self.targets], self.domains.names
        slices = slices_of_domains("domain", targets, names, self.per_user(metric), seed)
        name, _, length = metric.partition("@")
        if name in ACCURACY:
            own = ACCURACY[name](self.domain_ranks, int(length) if length else self.n_items)
            slices += slices_of_domains("own domain", targets, names, own, seed)
        return slices


def evaluate(
    score: Callable[[Histories], Scores],
    cases: Cases,
    *,
    train: Histories,
    n_items: int,
    features: Features | None = None,
    domains: Domains | None = None,
    ks: Sequence[int] = KS,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Rank all items for each case, the history masked and ties against the model.

    Args:
        score: ``histories -> [u, i]``, higher is better.
        cases: held-out cases; what stands in a history is not recommended again.
        train: the training sequences, for popularity; users of *cases* or others.
        features: [i, d] what the items are like, for diversity.
        domains: of the items; each target is then ranked within its own as well.
        ks: lengths of list to look at.
        progress: called after each batch with the number of cases in it.

    Raises:
        DataError: there are no cases.
        ScoreError: a score is NaN, or the scores are not one per item.
    """
    if len(cases) == 0:
        raise DataError("no cases to evaluate: the split holds no user with enough events")
    lengths = tuple(sorted(set(ks)))
    ranks, counts, items, scores, own = [], [], [], [], []
    for start in range(0, len(cases), batch_size):
        histories = _between(cases.histories, start, start + batch_size)
        targets = cases.targets[start : start + batch_size]
        seen = (histories.items, histories.offsets)
        found = score(histories)
        if found.shape != (len(targets), n_items):
            raise ScoreError(
                f"scores have shape {found.shape}; expected {(len(targets), n_items)}, one row "
                "for each user and one column for each item of the catalogue"
            )
        places, candidates = ranking.standing(found, targets, seen)
        ranks.append(places)
        counts.append(candidates)
        if domains is not None:
            own.append(ranking.standing(found, targets, seen, domains.codes)[0])
        top_items, top_scores = ranking.top_k(found, max(lengths), seen, checked=True)
        items.append(top_items)
        scores.append(top_scores)
        if progress is not None:
            progress(len(targets))
    return Evaluation(
        users=cases.histories.users,
        targets=cases.targets,
        ranks=np.concatenate(ranks),
        n_candidates=np.concatenate(counts),
        top_items=np.concatenate(items),
        top_scores=np.concatenate(scores),
        history_lengths=cases.histories.lengths,
        train=train,
        n_items=n_items,
        features=features,
        ks=lengths,
        domains=domains,
        domain_ranks=np.concatenate(own) if own else None,
    )


def _between(histories: Histories, start: int, stop: int) -> Histories:
    """Neighbouring histories, as views: nothing is copied."""
    offsets = histories.offsets[start : stop + 1]
    items = histories.items[offsets[0] : offsets[-1]]
    return Histories(items, offsets - offsets[0], histories.users[start:stop])


def pooled(evaluations: Sequence[Evaluation], metric: str) -> Values:
    """[u] a metric per user, averaged over runs with different seeds.

    Users, not runs, are what intervals and tests then draw from: seeds share their users, and
    counting each of them once per seed would make every interval too narrow.

    Raises:
        DataError: the runs do not judge the same cases.
    """
    first = evaluations[0]
    for other in evaluations[1:]:
        same = first.users == other.users and np.array_equal(first.targets, other.targets)
        if not same:
            raise DataError("runs over different test cases cannot be pooled; use one split")
    return np.mean([one.per_user(metric) for one in evaluations], axis=0)
