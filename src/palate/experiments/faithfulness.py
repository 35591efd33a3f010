"""How true words for hidden states are, beside what anyone could have said.

Who is learned from and who it is judged on are different people. The figures always come with
their controls: the same words for somebody else's state, words for no state, a linear probe of
the same states, the items nearest to the state, and the most popular items.

Legend: n people.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from palate.data.cases import Histories
from palate.errors import ConfigError, DataError
from palate.evaluation.beyond_accuracy import users_per_item
from palate.evaluation.ranking import top_k
from palate.evaluation.significance import holm, paired_test
from palate.evaluation.text import (
    Recovery,
    Titles,
    bleu,
    newest_distinct,
    recovery,
    rouge,
    true_shares,
)
from palate.recommenders.hidden_states import next_item_scores
from palate.recommenders.interpreter import Interpreter, moments
from palate.recommenders.probe import LinearProbe
from palate.training.context import FitContext

JUDGED, STOPPED_BY = 64, 64  # people at most who judge it, and who say when to stop
WORDS, OTHER, SILENT = "words", "words for another state", "words for no state"
HELD = "words held to the catalogue"
AFTER_TWICE, BEFORE_TWICE = "words for twice the state after", "words for twice the state before"
PROBE, NEAREST, POPULAR = "linear probe", "nearest items", "most popular items"


@dataclass(frozen=True)
class People:
    """Histories of different people.

    Attributes:
        learned: who is learned from.
        stopped: who says when to stop.
        judged: who it is judged on.
    """

    learned: Histories
    stopped: Histories
    judged: Histories


def meet(histories: Histories, seed: int, judged: int = JUDGED) -> People:
    """Who is learned from, who says when to stop, and who it is judged on: nobody is two of them.

    Args:
        judged: people at most whom it is judged on; never more than a fifth.

    Raises:
        DataError: there are fewer than ten people with two events or more.
    """
    some = np.flatnonzero(histories.lengths > 1)
    if len(some) < 10:
        raise DataError(
            f"{len(some)} users have two events or more; words for hidden states need 10 to learn"
        )
    order = np.random.default_rng(seed).permutation(some)
    judged = min(judged, len(order) // 5)
    stopped = judged + min(STOPPED_BY, max(1, len(order) // 10))
    return People(
        learned=histories.take(np.sort(order[stopped:])),
        stopped=histories.take(np.sort(order[judged:stopped])),
        judged=histories.take(np.sort(order[:judged])),
    )


def judge(
    interpreter: Interpreter, people: People, seed: int = 0, progress: bool = False
) -> dict[str, Any]:
    """How true the words are, on people who were not learned from, beside the controls.

    Returns:
        ``judged`` people; ``recovery``, ``residual`` or both: ``rows`` of ``name``, the figures
        and the ``p`` (Holm) of its difference from the words.
    """
    found: dict[str, Any] = {"judged": len(people.judged)}
    if "recovery" in interpreter.config.tasks:
        found["recovery"] = judge_recovery(interpreter, people, seed, progress)
    if "residual" in interpreter.config.tasks:
        found["residual"] = judge_residual(interpreter, people, seed, progress)
    return found


def judge_recovery(
    interpreter: Interpreter, people: People, seed: int = 0, progress: bool = False
) -> dict[str, Any]:
    """Which items the words name, and how many of them are in the history.

    Returns:
        ``rows``: for the words and each control, ``true_share`` (of what is named, how much is in
        the history), ``recovered`` (of the last items, how much is named), ``mean_recovered``
        (the same as a number), ``distribution`` (people with 0, 1, 2 … named), ``newest`` (of the
        newest items, how many are named), ``true_shares`` and ``newest_named`` (the figures of
        each person) and ``p``.
        ``by_position`` (newest first), ``by_popularity``, and ``bleu`` and ``rouge`` where their
        packages are installed, are of the words.
    """
    titles, length = Titles(interpreter.titles), interpreter.config.length
    reads = interpreter.recommender.config.length
    states = interpreter.states(people.judged)
    known = [titles.same[history[-reads:]].tolist() for history in people.judged]
    asked = [len(newest_distinct(truth, length)) for truth in known]
    texts = interpreter.words(states, progress)
    other = interpreter.words(states.among_others(seed), progress)
    silent = titles.named(interpreter.words_without_state())
    popularity = users_per_item(people.learned, len(interpreter.titles))
    probe = fit_probe(interpreter, people, seed)
    scores = {
        PROBE: probe.scores(states),
        NEAREST: next_item_scores(interpreter.recommender, states),
        POPULAR: np.tile(popularity.astype(np.float32), (len(states), 1)),
    }
    named: dict[str, list[list[int]]] = {
        WORDS: [titles.named(text) for text in texts],
        OTHER: [titles.named(text) for text in other],
        SILENT: [silent for _ in texts],
        HELD: [
            titles.same[row[:n]].tolist()
            for row, n in zip(interpreter.held_words(states, max(asked)), asked, strict=True)
        ],
        **{name: _best(value, asked, titles) for name, value in scores.items()},
    }
    found = {name: recovery(said, known, length) for name, said in named.items()}
    truths = {name: true_shares(said, known) for name, said in named.items()}
    own = truths[WORDS]
    ps = holm([paired_test(own, truths[name], seed) for name in named if name != WORDS])
    references = [interpreter.answer(interpreter.truth(h.tolist())) for h in people.judged]
    return {
        "rows": [
            _row(name, truths[name], found[name]) | ({} if p is None else {"p": float(p)})
            for name, p in zip(named, [None, *ps], strict=True)
        ],
        "by_position": [None if np.isnan(x) else x for x in found[WORDS].by_position().tolist()],
        "by_popularity": found[WORDS].by_popularity(popularity),
        **_likeness(texts, references),
    }


def fit_probe(interpreter: Interpreter, people: People, seed: int = 0) -> LinearProbe:
    """The linear probe of the same states, learned from the same moments of the same people."""
    samples = interpreter.config.samples
    learned = moments(people.learned, samples, seed)
    return LinearProbe(interpreter.config.adapter, len(interpreter.titles)).fit(
        interpreter.states(learned),
        [interpreter.truth(history.tolist()) for history in learned],
        (
            interpreter.states(people.stopped),
            [interpreter.truth(history.tolist()) for history in people.stopped],
        ),
        FitContext(seed=seed),
    )


def _best(scores: np.ndarray, counts: Sequence[int], titles: Titles) -> list[list[int]]:
    items, _ = top_k(scores, max(counts, default=0))
    return [titles.same[row[:n]].tolist() for row, n in zip(items, counts, strict=True)]


def _row(name: str, shares: np.ndarray, found: Recovery) -> dict[str, Any]:
    return {
        "name": name,
        "true_share": float(shares.mean()),
        "recovered": float(found.shares.mean()),
        "mean_recovered": float(found.recovered.mean()),
        "distribution": found.distribution().tolist(),
        "newest": float(found.found[:, -1].mean()),
        "true_shares": shares.tolist(),
        "newest_named": found.found[:, -1].tolist(),
    }


def _likeness(texts: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    with suppress(ConfigError):  # the packages are extra
        return {"bleu": bleu(texts, references), "rouge": rouge(texts, references)}
    return {}


def judge_residual(
    interpreter: Interpreter, people: People, seed: int = 0, progress: bool = False
) -> dict[str, Any]:
    """How often the item that came last is named, from the states before and after it.

    Returns:
        ``rows`` of ``name``, ``accuracy``, ``hits`` (of each person) and ``p``: both states as
        they are; twice the state after; twice the state before; both of somebody else; the words
        held to the catalogue; and the nearest and most popular item.
    """
    titles, judged = Titles(interpreter.titles), people.judged
    everyone, zeros = np.arange(len(judged)), np.zeros(len(judged), dtype=np.int64)
    after = interpreter.states(judged)
    before = interpreter.states(judged.spans(everyone, zeros, judged.lengths - 1))
    targets = titles.same[judged.items[judged.offsets[1:] - 1]]
    popularity = users_per_item(people.learned, len(interpreter.titles))
    pairs = {
        WORDS: (before, after),
        AFTER_TWICE: (after, after),
        BEFORE_TWICE: (before, before),
        OTHER: (before.among_others(seed), after.among_others(seed)),
    }
    hits = {}
    for name, pair in pairs.items():
        said = [titles.named(text)[:1] for text in interpreter.added(*pair, progress)]
        hits[name] = np.array([t in one for t, one in zip(targets.tolist(), said, strict=True)])
    hits[HELD] = titles.same[interpreter.held_added(before, after)] == targets
    nearest = next_item_scores(interpreter.recommender, after).argmax(axis=1)
    hits[NEAREST] = titles.same[nearest] == targets
    hits[POPULAR] = targets == titles.same[popularity.argmax()]
    values = {name: hit.astype(np.float64) for name, hit in hits.items()}
    ps = holm([paired_test(values[WORDS], v, seed) for n, v in values.items() if n != WORDS])
    return {
        "rows": [
            {"name": name, "accuracy": float(v.mean()), "hits": v.astype(bool).tolist()}
            | ({} if p is None else {"p": float(p)})
            for (name, v), p in zip(values.items(), [None, *ps], strict=True)
        ]
    }
