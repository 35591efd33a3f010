"""Timelines of visits, and what a loss and a judge make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palate.data.hospital.visits import KINDS
from palate.evaluation.medication import interaction_rate
from palate.recommenders.medication.rules import rule_split
from palate.training.visits import (
    CaseExamples,
    MedicationValidation,
    Timelines,
    expected_interactions,
    margin_loss,
)

SPLIT = rule_split(60)


def visits_of(row: int, kind: str) -> list[list[int]]:
    """All visits of a training case, oldest first, the one that is asked about last."""
    cases = SPLIT.train
    past = range(cases.offsets[row], cases.offsets[row + 1])
    current = {"diagnoses": cases.diagnoses, "procedures": cases.procedures}
    last = current[kind][row].tolist() if kind in current else []
    return [*(cases.past.codes[kind][visit].tolist() for visit in past), last]


@pytest.mark.parametrize("length", [1, 2, 3, 10])
@pytest.mark.parametrize("keep", ["last", "first"])
def test_a_timeline_has_the_visits_in_order(length, keep):
    lines = Timelines.of(SPLIT.train, length, keep)
    for row in range(len(SPLIT.train)):
        for kind in KINDS:
            wanted = visits_of(row, kind)
            wanted = wanted[-length:] if keep == "last" else wanted[:length]
            found = lines.codes[kind].take(np.arange(lines.offsets[row], lines.offsets[row + 1]))
            assert [one.tolist() for one in found] == wanted


@given(st.lists(st.integers(0, len(SPLIT.train) - 1), min_size=1, max_size=8), st.integers(1, 4))
def test_a_batch_holds_the_same_visits(rows, length):
    lines = Timelines.of(SPLIT.train, length)
    batch = lines.batch(np.array(rows))
    assert batch["real"].sum() == len(batch["diagnoses"]) == len(batch["medications"])
    place = 0
    for number, row in enumerate(rows):
        wanted = visits_of(row, "diagnoses")[-length:]
        assert int(batch["real"][number].sum()) == len(wanted)
        for codes in wanted:
            assert [code - 1 for code in batch["diagnoses"][place].tolist() if code] == codes
            place += 1
    assert torch.equal(batch["labels"], torch.from_numpy(SPLIT.train.target[rows]).float())


def test_what_was_given_now_is_in_no_input():
    """Inputs are byte for byte the same, whatever was given at the visit that is asked about."""
    cases = SPLIT.train
    shuffled = replace(cases, target=np.random.default_rng(0).permutation(cases.target))
    which = np.arange(len(cases))
    one, other = (Timelines.of(c, 10).batch(which) for c in (cases, shuffled))
    assert not torch.equal(one.pop("labels"), other.pop("labels"))
    assert {k: v.numpy().tobytes() for k, v in one.items()} == {
        k: v.numpy().tobytes() for k, v in other.items()
    }
    hidden = Timelines.of(cases.without_targets(), 10).batch(which)
    assert "labels" not in hidden
    assert hidden.keys() == one.keys()


def test_examples_say_which_they_are():
    examples = CaseExamples(Timelines.of(SPLIT.train, 10))
    batch = examples.collate([examples[4], examples[1]])
    assert batch["rows"].tolist() == [4, 1]


def test_expected_interactions_of_certain_medications_are_the_metric():
    draw = np.random.default_rng(0)
    chosen = draw.random((9, 6)) < 0.5
    graph = np.triu(draw.random((6, 6)) < 0.4, 1)
    graph = graph | graph.T
    found = expected_interactions(torch.from_numpy(chosen).float(), torch.from_numpy(graph).float())
    assert float(found) == pytest.approx(interaction_rate(chosen, graph), abs=1e-6)


def test_expected_interactions_do_not_fall_by_recommending_less():
    draw = torch.Generator().manual_seed(0)
    likely = torch.rand(4, 6, generator=draw)
    graph = torch.ones(6, 6) - torch.eye(6)
    for scale in (1.0, 0.1):
        assert float(expected_interactions(likely * scale, graph)) == pytest.approx(1.0, abs=1e-5)


def test_margins_are_those_of_every_pair():
    logits = torch.tensor([[2.0, -1.0, 0.5, 0.0]])
    labels = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    p = logits.sigmoid()[0]
    pairs = [max(0.0, 1 - float(p[i] - p[j])) for i in (0, 2) for j in (1, 3)]
    assert float(margin_loss(logits, labels)) == pytest.approx(sum(pairs) / 4)


def test_a_judge_asks_for_those_who_were_given_something():
    cases = SPLIT.validation
    target = cases.target.copy()
    target[0] = False
    judge = MedicationValidation.of(replace(cases, target=target), lambda c: np.ones((len(c), 7)))
    assert judge is not None
    assert len(judge) == len(cases) - 1
    values = judge.measure(np.arange(len(judge)))
    assert judge.summary(values) == pytest.approx(target[1:].mean(), abs=1e-6)
    assert MedicationValidation.of(replace(cases, target=target & False), None) is None
