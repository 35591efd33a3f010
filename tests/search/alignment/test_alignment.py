"""Preferences from graded results: losses by hand, a small training, safety, drift."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.search.shelf import Shelf

from palate.errors import DataError, RunError
from palate.language.backbone import Backbone
from palate.language.questions import Choose, Reply
from palate.search.alignment.drift import AnswerLog, drift, psi
from palate.search.alignment.groups import Group, groups
from palate.search.alignment.judging import FACTS, knowledge, win_rate
from palate.search.alignment.safety import HarmFilter, constrained
from palate.search.alignment.tuning import (
    ADAPTER,
    AlignmentConfig,
    accuracy,
    align,
    log_probs,
)
from palate.search.answers.words import Words
from palate.search.results import Query
from palate.training.preferences import ABSENT, dpo, lambda_pairs, plackett_luce, s_dpo


def _t(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_losses_by_hand():
    delta, grades = _t([0.5, -0.5, 1.0]), _t([2.0, 1.0, 0.0])

    def soft(x):
        return math.log1p(math.exp(x))

    pairs = [soft(-1.0), soft(0.5), soft(1.5)]  # 2 > 1, 2 > 0, 1 > 0
    assert float(dpo(delta, grades)) == pytest.approx(sum(pairs) / 3)
    first = math.log(1 + math.exp(-1.0) + math.exp(0.5))
    assert float(s_dpo(delta, grades)) == pytest.approx((first + soft(1.5)) / 2)
    assert float(plackett_luce(delta, grades)) == pytest.approx(first + soft(1.5))


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6))
@settings(deadline=None)
def test_s_dpo_is_a_softmax_over_one_and_many(values):
    delta = _t(values)
    grades = _t([1.0, *[0.0] * (len(values) - 1)])
    softmax = -torch.log_softmax(delta, 1)[0, 0]
    assert float(s_dpo(delta, grades)) == pytest.approx(float(softmax), abs=1e-9)
    # With one better answer, the list's probability is the same; with one pair, so is DPO's.
    assert float(plackett_luce(delta, grades)) == pytest.approx(float(softmax), abs=1e-9)
    if len(values) == 2:
        assert float(dpo(delta, grades)) == pytest.approx(float(softmax), abs=1e-9)


@pytest.mark.parametrize("loss", [dpo, s_dpo, plackett_luce, lambda_pairs])
def test_losses_leave_out_what_is_absent_and_fall_with_the_margin(loss):
    grades = _t([1.0, 0.0, ABSENT], [2.0, 1.0, 0.0])
    delta = _t([0.3, 0.1, 0.0], [0.1, 0.2, 0.3]).requires_grad_()
    changed = _t([0.3, 0.1, 99.0], [0.1, 0.2, 0.3])
    assert float(loss(delta.detach(), grades)) == pytest.approx(float(loss(changed, grades)))
    (gradient,) = torch.autograd.grad(loss(delta, grades), delta)
    assert torch.isfinite(gradient).all()
    assert gradient[0, 0] < 0 < gradient[0, 1]
    assert gradient[0, 2] == 0
    equal = _t([1.0, 1.0])
    assert torch.isfinite(loss(_t([0.1, 0.2]), equal))
    assert float(loss(_t([0.0, 0.0]), equal)) == pytest.approx(0, abs=1e-9)


def test_lambda_weighs_by_the_change_in_ndcg():
    delta, grades = _t([2.0, 1.0, 0.0]), _t([0.0, 1.0, 3.0])
    places = {0: 1.0, 1: 1 / math.log2(3), 2: 0.5}
    ideal = 3 + 1 / math.log2(3)
    want = 0.0
    for a, b in ((2, 1), (2, 0), (1, 0)):
        weight = abs(float(grades[0, a] - grades[0, b])) * abs(places[a] - places[b]) / ideal
        want += weight * math.log1p(math.exp(float(delta[0, b] - delta[0, a])))
    assert float(lambda_pairs(delta, grades)) == pytest.approx(want)


def test_groups_come_from_grades_and_hard_negatives():
    queries = [Query("1", "why do bees dance"), Query("2", "nothing of the kind")]
    found = groups(
        queries, {"1": {"bees": 2.0, "moon": 1.0, "gone": 1.0}}, _Texts(), Words.plain(), Shelf()
    )
    (group,) = found
    assert group.documents[:2] == ("bees", "moon")
    assert group.answers[0] == "Honey bees dance to tell the hive where flowers are."
    assert group.grades[0] == 2
    assert (0, 1) in group.pairs()
    assert not any(a == b for a, b in group.pairs())
    safe = groups(
        queries, {"1": {"bees": 2.0, "moon": 1.0}}, _Texts(), Words.plain(),
        allowed=lambda text: "bees" not in text,
    )  # fmt: skip
    assert safe == []


class _Texts(Shelf):
    def text(self, document):
        if document == "gone":
            raise DataError("no document 'gone'")
        return super().text(document)


@pytest.fixture(scope="module")
def tiny():
    return Backbone.random("smollm2-135m", layers=1, seed=0, precision="fp32", device="cpu")


LEARNED = [
    Group(str(i), f"Question {i} of {word}?", (f"It is {word}.", "It is bad.", "No no no."),
          (2.0, 1.0, 0.0))
    for i, word in enumerate(["tea", "milk", "wine", "beer", "rum"])
]  # fmt: skip


@pytest.mark.parametrize("loss", ["dpo", "s-dpo", "plackett-luce", "lambda"])
def test_a_model_learns_the_order(tiny, loss):
    config = AlignmentConfig(
        loss=loss, epochs=6, batch_size=5, learning_rate=5e-3, adapter={"dropout": 0.0}
    )
    before = [values for values, _ in log_probs(tiny, LEARNED)]
    align(tiny, LEARNED, config)
    after = [values for values, _ in log_probs(tiny, LEARNED)]
    with tiny.adapters.disabled():
        same = [values for values, _ in log_probs(tiny, LEARNED)]
    tiny.adapters.delete(ADAPTER)
    assert np.concatenate(same) == pytest.approx(np.concatenate(before), abs=1e-3)
    rewards = [a - b for a, b in zip(after, before, strict=True)]
    assert accuracy(LEARNED, rewards).mean() > 0.9


def test_the_sums_are_those_of_the_house(tiny):
    from palate.language.generation import likelihoods
    from palate.language.prompts import chat
    from palate.language.questions import messages
    from palate.search.asking import user

    group = LEARNED[0]
    turns = messages(user(f"Question: {group.question}", "Answer in one sentence."))
    prompt = chat(tiny.tokenizer, turns)
    (wanted,) = likelihoods(tiny, [prompt], [list(group.answers)])
    ((found, lengths),) = log_probs(tiny, [group])
    assert found == pytest.approx(wanted.numpy(), abs=1e-3)
    assert lengths.min() >= 3


def test_nothing_to_learn_from_is_an_error(tiny):
    with pytest.raises(DataError, match="no question"):
        align(tiny, [])


def test_accuracy_counts_ties_half():
    group = Group("1", "q", ("a", "b", "c"), (2.0, 1.0, 1.0))
    assert accuracy([group], [np.array([1.0, 1.0, 0.0])]).tolist() == [0.75]


class _Judge:
    """Prefers the longer answer, or whatever stands first."""

    name = identity = "judge"

    def __init__(self, first=False):
        self.first = first

    def ask(self, questions):
        return [Reply("", self._scores(question)) for question in questions]

    def _scores(self, question):
        if self.first or not isinstance(question, Choose):
            return (0.0, -1.0)
        blocks = question.turns[-1][1].split('"""')
        return (float(len(blocks[1])), float(len(blocks[3])))


def test_win_rates_ask_in_both_orders():
    found = win_rate(_Judge(), ["q"] * 3, ["longer one", "s", "same"], ["short", "much", "same"])
    assert found.values.tolist() == [1, 0, 0.5]
    assert found.flips == 0
    biased = win_rate(_Judge(first=True), ["q"] * 2, ["a", "b"], ["c", "d"])
    assert biased.values.tolist() == [0.5, 0.5]
    assert biased.flips == 1


def test_the_probe_is_frozen_and_its_right_ends_are_known():
    assert len(FACTS) == 100
    assert FACTS[0][0] == "The capital of France is"

    class Knows:
        name = identity = "knows"

        def ask(self, questions):
            right = {(before, f" {kind[own]}.") for before, kind, own in FACTS}
            return [Reply("", (float((q.before, q.text) in right),)) for q in questions]

    assert knowledge(Knows()).mean() == 1


HARM = [f"how to {verb} a {thing} to hurt people" for verb in ("build", "make", "mix")
        for thing in ("bomb", "poison", "weapon", "trap")]  # fmt: skip
FINE = [f"how to {verb} a {thing} for the family" for verb in ("build", "make", "mix", "paint")
        for thing in ("cake", "house", "salad", "toy", "boat")]  # fmt: skip


def test_harm_is_stopped_at_a_rate_of_false_alarms(tmp_path):
    learned = HarmFilter().fit(HARM[:9], FINE[:10], FINE[10:], 0.1)
    assert sum(learned.allowed(text) for text in FINE[10:]) >= 9
    assert not any(learned.allowed(text) for text in HARM[9:])
    learned.save(tmp_path)
    again = HarmFilter.load(tmp_path)
    assert again.threshold == learned.threshold
    assert again.probability(HARM[:2]) == pytest.approx(learned.probability(HARM[:2]))
    with pytest.raises(RunError, match="no harm filter"):
        HarmFilter.load(tmp_path / "none")
    with pytest.raises(DataError, match="not learned from"):
        HarmFilter().fit(HARM, FINE, [])
    assert constrained(np.array([1.0, 1.0]), np.array([0.05, 0.6]), 2.0).tolist() == [1.0, 0.0]


def test_a_drift_of_scores_calls_for_learning(tmp_path):
    random = np.random.default_rng(0)
    before = random.normal(size=1000)
    assert psi(before, before) == 0
    same = drift(before.tolist(), random.normal(size=1000).tolist())
    assert not same.retrain
    moved = drift(before.tolist(), random.normal(0.7, size=1000).tolist())
    assert moved.retrain
    assert moved.index > 0.2
    assert not drift(before.tolist(), random.normal(2, size=20).tolist()).retrain
    hand = psi(np.array([0.0, 1.0]), np.array([0.0, 0.0]), bins=2)
    assert hand == pytest.approx(
        (1 - 0.5) * math.log(1 / 0.5) + (1e-4 - 0.5) * math.log(1e-4 / 0.5)
    )
    log = AnswerLog(tmp_path / "answers.jsonl")
    log.add("q", "a", 0.5)
    log.add("q", "b", 0.7, index="x")
    with log.path.open("a") as file:
        file.write('{"score": 0.')
    assert log.scores() == [0.5, 0.7]
