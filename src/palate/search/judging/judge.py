"""A language model as judge: its grades beside people's, and whether it can be fooled.

No grade of a person is ever part of a prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from palate.search.asking import passage
from palate.search.judging.agreement import confusion, kappa, over_queries
from palate.search.ranking.annotate import GRADES, Annotator, Grade
from palate.search.results import Query, Texts

Qrels = Mapping[str, Mapping[str, int]]
"""Query's id -> document's id -> grade."""

RELEVANT = 2  # grade from which on a document counts as relevant, as in TREC's passage track


@dataclass(frozen=True)
class Agreement:
    """A judge beside people.

    Attributes:
        judged: documents that both graded.
        missing: share of documents that the judge gave no grade.
        table: [g, g] people's grades by row, the judge's by column.
        kappa: of all grades, with its interval over queries.
        weighted: the same with quadratic weights.
        binary: the same of relevant or not.
    """

    judged: int
    missing: float
    table: list[list[int]]
    kappa: tuple[float, float, float]
    weighted: tuple[float, float, float]
    binary: tuple[float, float, float]


def agreement(
    grades: Sequence[Grade],
    qrels: Qrels,
    *,
    relevant_from: int = RELEVANT,
    judge_relevant_from: int = RELEVANT,
    seed: int = 0,
) -> Agreement:
    """Of a judge's grades with people's, over the documents that people graded.

    Args:
        relevant_from: people's grade from which on a document is relevant; 1 where they knew two.
        judge_relevant_from: the judge's.
    """
    people = [(one, qrels.get(one.query, {}).get(one.document)) for one in grades]
    asked = [(one, told) for one, told in people if told is not None]
    told = [(one, min(p, GRADES - 1)) for one, p in asked if one.grade is not None]
    by_query: dict[str, tuple[list[int], list[int]]] = {}
    for one, person in told:
        a, b = by_query.setdefault(one.query, ([], []))
        a.append(person)
        b.append(int(one.grade or 0))
    halves = {
        query: ([int(x >= relevant_from) for x in a], [int(x >= judge_relevant_from) for x in b])
        for query, (a, b) in by_query.items()
    }
    table = sum((confusion(a, b, GRADES) for a, b in by_query.values()), np.zeros((GRADES, GRADES)))
    two = sum((confusion(a, b, 2) for a, b in halves.values()), np.zeros((2, 2)))

    def quadratic(counts: np.ndarray) -> float:
        return kappa(counts, "quadratic")

    def told_with(measure: Callable, counts: np.ndarray, values: dict, size: int) -> tuple:
        if not values:
            return (0.0, 0.0, 0.0)
        return (measure(counts), *over_queries(values, measure, size, seed=seed))

    return Agreement(
        len(told),
        1 - len(told) / max(1, len(asked)),
        table.astype(int).tolist(),
        told_with(kappa, table, by_query, GRADES),
        told_with(quadratic, table, by_query, GRADES),
        told_with(kappa, two, halves, 2),
    )


def as_qrels(grades: Sequence[Grade]) -> dict[str, dict[str, int]]:
    """The judge's grades in the manner of people's; missing ones stay missing."""
    found: dict[str, dict[str, int]] = {}
    for one in grades:
        if one.grade is not None:
            found.setdefault(one.query, {})[one.document] = one.grade
    return found


@dataclass(frozen=True)
class Biases:
    """What sways a judge besides what a document says.

    Attributes:
        position: share of pairs whose preference changed with the order in which they were shown.
        verbosity: correlation of the grade with the number of words (Spearman's), over documents
            that people gave the same grade; NaN where nothing can be correlated.
        stuffing: how much the mean grade of unrelated documents rises when the query is written
            into them; should be 0.
        stuffed_relevant: share of stuffed unrelated documents that are then called relevant.
    """

    position: float
    verbosity: float
    stuffing: float
    stuffed_relevant: float


def biases(
    annotator: Annotator,
    queries: Sequence[Query],
    texts: Texts,
    unrelated: Mapping[str, Sequence[str]],
    grades: Sequence[Grade] = (),
    qrels: Qrels | None = None,
    seed: int = 0,
) -> Biases:
    """Measure what sways an annotator.

    Args:
        unrelated: by query, ids of documents that have nothing to do with it: pairs of them are
            compared, and they are stuffed with the query.
        grades: given before, for verbosity.
        qrels: people's grades, for verbosity.
    """
    random = np.random.default_rng(seed)
    words = annotator.config.words
    pairs, plain, stuffed = [], [], []
    for query in queries:
        shown = [passage(texts, document, words) for document in unrelated.get(query.id, ())]
        pairs += [(query.text, a, b) for a, b in zip(shown[::2], shown[1::2], strict=False)]
        plain += [(query.text, text) for text in shown]
        stuffed += [(query.text, stuff(text, query.text, random)) for text in shown]
    preferences = annotator.prefer(pairs) if pairs else []
    before = [mean for _, mean, _ in annotator.grade_texts(plain)] if plain else []
    after = annotator.grade_texts(stuffed) if stuffed else []
    rises = [a[1] - b for a, b in zip(after, before, strict=True)]
    relevant = [grade is not None and grade >= RELEVANT for grade, _, _ in after]
    return Biases(
        preferences.count(0.5) / len(preferences) if preferences else float("nan"),
        _verbosity(grades, texts, qrels or {}),
        float(np.nanmean(rises)) if rises else float("nan"),
        float(np.mean(relevant)) if relevant else float("nan"),
    )


def stuff(text: str, query: str, random: np.random.Generator, times: int = 2) -> str:
    """The text with the query written into it at so many places."""
    parts = text.split()
    for _ in range(times):
        parts.insert(int(random.integers(0, len(parts) + 1)), query)
    return " ".join(parts)


def _verbosity(grades: Sequence[Grade], texts: Texts, qrels: Qrels) -> float:
    """Mean over people's grades of the correlation of length and the judge's mean grade."""
    from scipy.stats import spearmanr

    groups: dict[int, list[tuple[int, float]]] = {}
    for one in grades:
        person = qrels.get(one.query, {}).get(one.document)
        if person is not None and one.grade is not None:
            length = len(texts.text(one.document).split())
            groups.setdefault(person, []).append((length, one.expected))
    found, weights = [], []
    for several in groups.values():
        lengths, given = zip(*several, strict=True)
        if len(set(lengths)) > 2 and len(set(given)) > 2:
            found.append(float(spearmanr(lengths, given).statistic))
            weights.append(len(several))
    return float(np.average(found, weights=weights)) if found else float("nan")
