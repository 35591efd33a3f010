"""A run under the sampled-candidate protocol, kept apart from what it does over the catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from palate.data.cases import Cases
from palate.evaluation.candidates import PROTOCOL, CandidateSets, candidate_ranks, judge
from palate.experiments.atomic import write_json
from palate.experiments.run import Run
from palate.recommenders.base import Chooses, Recommender

AT_ONCE = 64  # cases asked about between two moves of the progress bar
SHOWN = 5


def judge_candidates(run: Run, m: int = 20, progress: bool = False) -> dict[str, Any]:
    """Let a run pick what came next out of *m* candidates, for every test case.

    A recommender that answers in words is judged by them; any other picks what it scores highest.
    The lists depend on the split alone. They are written to the run's ``candidates.jsonl``, and
    what is returned to ``candidates.json``.

    Returns:
        ``protocol``, ``candidates`` (m), ``cases``, ``by`` (words or scores), ``metrics``
        (``hr@1``; in words also ``valid_ratio`` and ``hr@1 of valid``), ``by_position`` (hits
        where the target stood there; None where it never did) and, in words, ``answers``: some.

    Raises:
        ConfigError: the catalogue has too few items for such lists.
        RunError: the run's data is gone, or is not what it was.
    """
    recommender, split = run.recommender(), run.split()
    sets = CandidateSets.draw(split.test, split.n_items, m)
    sets.save(run.path("candidates.jsonl"))
    found: dict[str, Any] = {"protocol": PROTOCOL, "candidates": m, "cases": len(sets)}
    with Progress(console=Console(stderr=True), transient=True, disable=not progress) as bar:
        task = bar.add_task("choosing", total=len(sets))
        if isinstance(recommender, Chooses):
            answers: list[str] = []
            for rows in _parts(len(sets)):
                answers += recommender.choose(split.test.histories.take(rows), sets.items[rows])
                bar.advance(task, len(rows))
            choices = judge(answers, sets, recommender.titles)
            found |= {
                "by": "words",
                "metrics": choices.metrics(),
                "by_position": _known(sets.by_position(choices.correct)),
                "answers": answers[:SHOWN],
            }
        else:
            hits = np.zeros(len(sets), dtype=bool)
            for rows in _parts(len(sets)):
                hits[rows] = _hits(recommender, split.test.take(rows), sets, rows)
                bar.advance(task, len(rows))
            found |= {
                "by": "scores",
                "metrics": {f"{PROTOCOL} hr@1": float(hits.mean())},
                "by_position": _known(sets.by_position(hits)),
            }
    write_json(run.path("candidates.json"), found)
    return found


def _parts(n: int) -> list[np.ndarray]:
    return [np.arange(start, min(start + AT_ONCE, n)) for start in range(0, n, AT_ONCE)]


def _hits(
    recommender: Recommender, cases: Cases, sets: CandidateSets, rows: np.ndarray
) -> np.ndarray:
    some = sets.take(rows)
    return candidate_ranks(some.scores(recommender.score(cases.histories)), some) == 0


def _known(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
