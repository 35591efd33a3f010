"""What a search learns from examples: when to refuse an answer, and what is harmful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedKFold

from palate.errors import DataError
from palate.search.alignment.safety import HarmFilter
from palate.search.answers.abstention import Calibration, calibrate, threshold_for
from palate.search.answers.answer import Answerer
from palate.search.results import Query

FOLDS = 5
HELD = 0.2  # share of harmful and of harmless texts that are not learned from


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and what it does to questions that it did not learn from.

    Attributes:
        questions: that were asked; *right*: of which the best evidence held the answer.
        answered: share of them that is answered; *wrong*: share of those without the answer. Where
            a risk was to be kept to, the threshold was chosen on the same questions, and both
            shares flatter it a little.
    """

    calibration: Calibration
    questions: int
    right: int
    answered: float
    wrong: float


def calibrate_on(
    answerer: Answerer,
    questions: Sequence[Query],
    qrels: Mapping[str, Mapping[str, int]],
    others: Sequence[Query] = (),
    risk: float | None = None,
    seed: int = 0,
) -> Calibrated:
    """Learn when to refuse, from questions with known documents.

    The best evidence holds the answer where it is of a document that was judged relevant.

    Args:
        others: questions that the index cannot answer.
        risk: share of answers that may be wrong, in place of answering what is likelier right.

    Raises:
        DataError: too few questions of a kind, or the risk cannot be kept.
    """
    asked = [*questions, *others]
    evidence, right = [], []
    for place, one in enumerate(asked):
        found, document = answerer.evidence(one.text)
        evidence.append(found)
        can = place < len(questions)
        right.append(can and qrels.get(one.id, {}).get(document, 0) > 0)
    kinds = (sum(right), len(right) - sum(right))
    if min(kinds) < FOLDS:
        raise DataError(
            f"calibrating needs {FOLDS} questions whose best evidence holds the answer, and "
            f"{FOLDS} others; there are {kinds[0]} and {kinds[1]}"
        )
    whole = calibrate(evidence, right)
    sure = np.empty(len(asked))
    for rest, held in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(asked, right):
        learned = calibrate([evidence[p] for p in rest], [right[p] for p in rest])
        sure[held] = [learned.confidence(evidence[p]) for p in held]
    threshold = whole.threshold if risk is None else threshold_for(sure.tolist(), right, risk)
    if not np.isfinite(threshold):
        raise DataError(
            f"no threshold keeps wrong answers below {risk:g}: even the surest is wrong; allow more"
        )
    answered = sure >= threshold
    wrong = answered & ~np.array(right)
    return Calibrated(
        Calibration(whole.bias, whole.weights, threshold),
        len(asked),
        sum(right),
        float(answered.mean()),
        float(wrong.sum() / max(1, answered.sum())),
    )


@dataclass(frozen=True)
class Filtered:
    """A harm filter, and what it stops of texts that it did not learn from: shares."""

    filter: HarmFilter
    harmful: float
    harmless: float
    held: tuple[int, int]


def learn_harm(
    harmful: Sequence[str],
    harmless: Sequence[str],
    false_positives: float = 0.01,
    seed: int = 0,
) -> Filtered:
    """Learn to tell harmful texts.

    A fifth of both is held out; of the harmless ones that are learned with, a fifth sets the
    threshold.

    Raises:
        DataError: there are too few texts.
    """
    random = np.random.default_rng(seed)
    bad, good = ([list(texts)[i] for i in random.permutation(len(texts))]
                 for texts in (harmful, harmless))  # fmt: skip
    few = min(len(bad), len(good))
    if few < 10:
        raise DataError(f"a harm filter needs 10 texts of each kind; there are {few}")
    held_bad, bad = _parted(bad)
    held_good, good = _parted(good)
    dev, good = _parted(good)
    learned = HarmFilter().fit(bad, good, dev, false_positives)
    stopped = [float((learned.probability(texts) > learned.threshold).mean())
               for texts in (held_bad, held_good)]  # fmt: skip
    return Filtered(learned, stopped[0], stopped[1], (len(held_bad), len(held_good)))


def _parted(texts: list[str]) -> tuple[list[str], list[str]]:
    """What is held, and the rest."""
    count = max(1, int(HELD * len(texts)))
    return texts[:count], texts[count:]
