"""The linear probe: learns what states hold, beside what everyone's popular items would say."""

from __future__ import annotations

import numpy as np
import torch

from palate.evaluation.text import recovery
from palate.recommenders.hidden_states import States
from palate.recommenders.probe import LinearProbe, ProbeExamples
from palate.training.next_item import IGNORED


def of_items(truths: list[list[int]], n_items: int, length: int) -> States:
    """States that hold a number for each item of the history at its event, and nothing else."""
    values = torch.zeros(len(truths), length, n_items)
    real = torch.zeros(len(truths), length, dtype=torch.bool)
    for row, truth in enumerate(truths):
        for place, item in enumerate(truth, length - len(truth)):
            values[row, place, item] = 1
            real[row, place] = True
    return States(values, real)


def test_it_reads_everything_from_states_that_hold_everything() -> None:
    draw = np.random.default_rng(0)
    truths = [draw.choice(12, size=4, replace=False).tolist() for _ in range(120)]
    states = of_items(truths, 12, 4)
    learned, others = np.arange(100), np.arange(100, 120)
    probe = LinearProbe("conv", 12).fit(
        states.take(learned), truths[:100], (states.take(others), truths[100:])
    )
    scores = probe.scores(states.take(others))
    best = np.argsort(-scores, axis=1)[:, :4].tolist()
    assert recovery(best, truths[100:], 4).shares.mean() > 0.95
    # The newest state alone holds one of the four.
    last = LinearProbe("last", 12).fit(
        states.take(learned), truths[:100], (states.take(others), truths[100:])
    )
    best = np.argsort(-last.scores(states.take(others)), axis=1)[:, :4].tolist()
    assert 0.25 <= recovery(best, truths[100:], 4).shares.mean() < 0.8


def test_labels_are_the_distinct_items_of_a_history() -> None:
    truths = [[3, 1, 3], [2], []]
    states = of_items(truths, 5, 3)
    examples = ProbeExamples(states, truths)
    batch = examples.collate([examples[row] for row in range(3)])
    assert batch["labels"].tolist() == [[1, 3, IGNORED], [2, IGNORED, IGNORED], [IGNORED] * 3]
    assert batch["values"].shape == (3, 3, 5)
