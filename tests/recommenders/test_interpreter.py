"""RecInterpreter: what may and what may not reach the language model, and what of it learns.

That words are learned, and how true they are, is tested with
:mod:`palate.experiments.faithfulness`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from palate.data.cases import Histories, Split
from palate.evaluation.text import Titles
from palate.language.backbone import IGNORED
from palate.language.collate import collate, encode
from palate.language.prompts import Slot, Text
from palate.recommenders.caser import Caser, CaserConfig
from palate.recommenders.conformance import taste_split
from palate.recommenders.gru4rec import GRU4Rec, GRU4RecConfig
from palate.recommenders.hidden_states import States, hidden_states, next_item_scores
from palate.recommenders.interpreter import WORDINGS, Interpreter, InterpreterConfig, moments
from palate.recommenders.sasrec import SASRec, SASRecConfig
from palate.recommenders.sequential import SequentialRecommender
from palate.recommenders.state_bridge import Pool, StateBridge

WORDS_OF = ["Apple", "Bread", "Castle", "Dragon", "Engine", "Forest"]
SMALL = {"layers": 2, "precision": "fp32", "device": "cpu"}


@pytest.fixture(scope="module")
def tastes() -> Split:
    return taste_split()


@pytest.fixture(scope="module")
def sasrec(tastes: Split) -> SASRec:
    """With 64 numbers per state, as in the paper."""
    return SASRec(SASRecConfig(width=64, layers=1, length=20, epochs=1, device="cpu")).fit(tastes)


@pytest.fixture(scope="module")
def interpreter(tastes: Split, sasrec: SASRec) -> Interpreter:
    """Untrained, on the first layers of the real small model."""
    return Interpreter(sasrec, tastes.catalogue, InterpreterConfig(**SMALL))


def test_trainable_values_are_counted_as_in_the_paper(interpreter: Interpreter) -> None:
    h = interpreter.net.backbone.hidden_size
    assert interpreter.trainable_parameters == 11 + 65 * h
    last = StateBridge("last", 10, 64, h)
    assert sum(p.numel() for p in last.parameters()) == 64 * h + h


@pytest.mark.parametrize("task", WORDINGS)
def test_prompts_hold_nothing_of_the_sample(
    interpreter: Interpreter, tastes: Split, task: str
) -> None:
    """Whatever the sample, the text of its prompt is one of a few that are written down."""
    config = interpreter.config.model_copy(update={"tasks": (task,)})
    other = Interpreter(interpreter.recommender, tastes.catalogue, config)
    _, prompts = other._examples(tastes.train.sequences(), 60, seed=0)
    texts = {
        "".join(span.text for span in prompt.spans if isinstance(span, Text)) for prompt in prompts
    }
    assert 1 < len(texts) <= len(WORDINGS[task])
    assert not [title for title in tastes.catalogue.titles for text in texts if title in text]
    for prompt in prompts:
        asked = [span for span in prompt.spans if isinstance(span, Slot)]
        assert len(asked) == (1 if task == "recovery" else 2)
        assert prompt.answer


def test_the_residual_prompt_reads_the_state_before_and_then_the_one_after(
    interpreter: Interpreter, tastes: Split
) -> None:
    config = interpreter.config.model_copy(update={"tasks": ("residual",)})
    other = Interpreter(interpreter.recommender, tastes.catalogue, config)
    histories = tastes.train.sequences()
    states, prompts = other._examples(histories, 5, seed=3)
    drawn = moments(histories, 5, seed=3)
    for prompt, history in zip(prompts, drawn, strict=True):
        before, after = (span.index for span in prompt.spans if isinstance(span, Slot))
        whole = history.tolist()
        expected = other.states(Histories.of([whole[:-1], whole]))
        assert_close(states.values[[before, after]], expected.values)
        assert prompt.answer == other.titles[whole[-1]]


def test_only_the_answer_is_learned_and_none_of_it_is_cut(
    interpreter: Interpreter, tastes: Split
) -> None:
    _, prompts = interpreter._examples(tastes.train.sequences(), 20, seed=0)
    tokenizer = interpreter.net.backbone.tokenizer
    batch = collate(encode(prompts, tokenizer), tokenizer.pad_id)
    for labels, prompt in zip(batch["labels"], prompts, strict=True):
        learned = labels[labels != IGNORED].tolist()
        assert learned.pop() == tokenizer.eos_id
        assert tokenizer.decode(learned) == prompt.answer


def test_the_convolution_reads_no_padding() -> None:
    """Nets give states at padding that are anything but zero."""
    torch.manual_seed(0)
    pool = Pool("conv", 4)
    nn.init.normal_(pool.conv.weight)
    values, real = torch.randn(2, 4, 3), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]]).bool()
    changed = values.clone()
    changed[0, :2] = 1e6
    assert_close(pool(values, real), pool(changed, real))
    by_hand = sum(pool.conv.weight[0, place] * values[0, place] for place in (2, 3))
    assert_close(pool(values, real)[0], by_hand + pool.conv.bias)
    assert not torch.equal(pool(values, real)[1], pool(values, ~real)[1])


@pytest.mark.parametrize(
    "recommender",
    [
        SASRec(SASRecConfig(width=8, layers=1, length=6, epochs=1, device="cpu")),
        GRU4Rec(GRU4RecConfig(width=8, length=6, epochs=1, device="cpu")),
        Caser(CaserConfig(width=8, length=6, epochs=1, device="cpu")),
    ],
    ids=lambda one: one.name,
)
def test_states_are_those_that_rank(recommender: SequentialRecommender, tastes: Split) -> None:
    recommender.fit(tastes)
    histories = Histories.of([[1], [1, 2, 3], [2, 3, 4, 5, 1, 2, 3, 9], []])
    states = hidden_states(recommender, histories, 10)
    assert states.values.shape[:2] == (4, 10)
    assert states.real.sum(1).tolist() == [1, 3, 6, 0]
    assert (states.values[~states.real] == 0).all()
    scores = recommender.score(histories)
    np.testing.assert_allclose(next_item_scores(recommender, states)[:3], scores[:3], rtol=1e-5)
    shorter = hidden_states(recommender, histories, 2)
    assert_close(shorter.values, states.values[:, -2:])


def test_soft_tokens_start_as_large_as_tokens(interpreter: Interpreter, tastes: Split) -> None:
    bridge, backbone = interpreter.bridge, interpreter.net.backbone
    bridge.read(interpreter.states(tastes.test.histories))
    bridge.start_at(0.1)
    soft = bridge(torch.arange(len(tastes.test)))
    assert soft.shape == (len(tastes.test), backbone.hidden_size)
    assert float(soft.detach().pow(2).mean().sqrt()) == pytest.approx(0.1, rel=0.3)


def test_everyone_gets_the_state_of_somebody_else() -> None:
    values = torch.arange(7.0)[:, None, None]
    states = States(values, torch.ones(7, 1, dtype=torch.bool))
    other = states.among_others(seed=1)
    assert sorted(other.values.flatten().tolist()) == values.flatten().tolist()
    assert (other.values != values).all()


def test_moments_end_at_events_that_follow_another() -> None:
    histories = Histories.of([[1, 2, 3], [4], [5, 6]], ["a", "b", "c"])
    every = moments(histories, None, seed=0)
    assert [one.tolist() for one in every] == [[1, 2], [1, 2, 3], [5, 6]]
    assert every.users == ["a", "a", "c"]
    assert len(moments(histories, 2, seed=0)) == 2
    with pytest.raises(ValueError, match="two events"):
        moments(Histories.of([[1], []]), None, seed=0)


def test_titles_of_answers_are_found_again(interpreter: Interpreter) -> None:
    titles = Titles(interpreter.titles)
    assert titles.named(interpreter.answer([3, 11, 1])) == [3, 11, 1]
