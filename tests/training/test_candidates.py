"""Validation among candidates: the right lists go to the right cases, in whatever share."""

from __future__ import annotations

import numpy as np

from palate.data.cases import Cases, Histories
from palate.evaluation.candidates import CandidateSets
from palate.training.candidates import AmongCandidates


def test_each_share_of_the_cases_is_ranked_among_its_own_candidates():
    random = np.random.default_rng(0)
    histories = Histories.of([random.integers(30, size=n).tolist() for n in range(1, 12)])
    cases = Cases(histories, random.integers(30, size=11))
    sets = CandidateSets.draw(cases, 30, 5, visible=3)

    def nearest_to_last(some, candidates):
        last = some.items[some.offsets[1:] - 1]
        return -abs(candidates - last[:, None]).astype(float)

    def nothing(_):
        raise AssertionError("the catalogue is not ranked")

    judged = AmongCandidates(cases, nothing, sets=sets, rank=nearest_to_last)
    expected = []
    for history, target, shown in zip(histories, cases.targets, sets.items, strict=True):
        far = abs(shown - history[-1])
        expected.append(int((far <= abs(target - history[-1])).sum()) - 1)
    assert judged.ranks(np.arange(11)).tolist() == expected
    assert judged.ranks(np.array([9, 2, 4])).tolist() == [expected[i] for i in (9, 2, 4)]
    assert len(set(expected)) > 1
