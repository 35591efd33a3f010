"""Versions of a run: where the next one goes, and how two do on the same test.

Legend: u users, i items of the grown catalogue.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from palate.data.cases import Histories, Split
from palate.data.questions import Questions
from palate.errors import RunError
from palate.evaluation.evaluate import evaluate
from palate.evaluation.likes import auc, over_periods
from palate.evaluation.ranking import ndcg
from palate.evaluation.significance import paired_test
from palate.experiments.run import PRIMARY, Run
from palate.recommenders.base import Recommender, Scores
from palate.recommenders.updates import Answers


def check_free(folder: Path) -> None:
    """Raise a RunError unless *folder* is new or empty."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise RunError(f"{folder} holds something already; name another folder with --out")


@contextmanager
def unseen(name: str, parent: Path) -> Iterator[Path]:
    """A hidden folder in *parent* that is gone in the end, unless it was moved to its place.

    What processes left there that were killed at the same is cleared.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f".{glob.escape(name)}.*.update"):
        process = left.name.split(".")[-2]
        if not (process.isdecimal() and psutil.pid_exists(int(process))):
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f".{name}.{os.getpid()}.update"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Earlier:
    """An earlier version as it would serve a grown catalogue, as a scorer.

    Items that came later are the last ones to it, and nothing in a history.
    """

    def __init__(self, recommender: Recommender, items: int, now: int) -> None:
        """
        Args:
            items: of the catalogue it knows, the first of those there are.
            now: items of the grown catalogue.
        """
        self.recommender, self.items, self.now = recommender, items, now

    def __call__(self, histories: Histories) -> Scores:
        """[u, i]"""
        kept = histories.items < self.items
        offsets = np.concatenate([[0], np.cumsum(kept)])[histories.offsets]
        liked = None if histories.liked is None else histories.liked[kept]
        known = Histories(histories.items[kept], offsets, histories.users, liked)
        scores = np.full((len(histories), self.now), -np.inf, dtype=np.float32)
        scores[:, : self.items] = self.recommender.score(known)
        return scores


@dataclass(frozen=True)
class Beside:
    """A metric of two versions on the same test.

    Attributes:
        cases: users, or questions, that it is of.
        p: how likely chance alone makes such a difference.
        interval: 95 % of the difference, where it was drawn.
    """

    old: float
    new: float
    difference: float
    p: float
    cases: int
    interval: tuple[float, float] | None = None


def by_rank(old: Recommender, known: int, new: Run, split: Split) -> dict[str, Any]:
    """NDCG@10 of an earlier version and of a run that was measured, over the same test cases.

    Args:
        known: items of the catalogue of *old*.
    """
    found = evaluate(
        Earlier(old, known, split.n_items),
        split.test,
        train=split.train.sequences(),
        n_items=split.n_items,
    )
    before = found.per_user(PRIMARY)
    after = ndcg(new.cases()["rank"].to_numpy() - 1, 10)
    one, other = float(before.mean()), float(after.mean())
    return asdict(Beside(one, other, other - one, paired_test(after, before), len(after)))


def by_likes(old: Answers, new: Answers, questions: Questions) -> dict[str, Any]:
    """AUC of both versions' answers to the same questions."""
    one, other = auc(old, questions.liked), auc(new, questions.liked)
    difference, interval, p = over_periods([new[None]], [old[None]], [questions.liked])
    return asdict(Beside(one, other, difference, p, len(questions), interval))
