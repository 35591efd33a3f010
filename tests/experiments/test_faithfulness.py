"""How true words are, on a tiny language model that was taught what single vectors mean.

Then it is frozen, and an adapter has to find the words for a recommender's states.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from torch import nn

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.errors import DataError
from palate.experiments.faithfulness import (
    AFTER_TWICE,
    BEFORE_TWICE,
    HELD,
    NEAREST,
    OTHER,
    POPULAR,
    PROBE,
    SILENT,
    WORDS,
    judge,
    judge_residual,
    meet,
)
from palate.language.backbone import Backbone
from palate.recommenders.conformance import cycle_split
from palate.recommenders.interpreter import WORDINGS, Interpreter, InterpreterConfig
from palate.recommenders.sasrec import SASRec, SASRecConfig
from palate.training.config import TrainingConfig
from palate.training.context import FitContext
from palate.training.fit import fit
from palate.training.prompts import PromptExamples, PromptNet

WORDS_OF = [
    "Apple", "Bread", "Castle", "Dragon", "Engine", "Forest",
    "Garden", "Hammer", "Island", "Jacket", "Kitchen", "Lemon",
]  # fmt: skip


@pytest.fixture(scope="module")
def cycle() -> Split:
    """Everyone goes round twelve things with plain names."""
    split = cycle_split(users=120, items=len(WORDS_OF), length=6)
    frame = split.catalogue.frame.with_columns(title=pl.Series(WORDS_OF))
    return Split(Catalogue(frame), split.train, split.validation, split.test, split.name)


@pytest.fixture(scope="module")
def reader(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, cycle: Split) -> Path:
    """A tiny language model that was taught which single vector means which of six words."""
    torch.manual_seed(0)
    backbone = Backbone.load(str(tiny_model), precision="fp32", device="cpu")
    meanings = nn.Embedding(len(WORDS_OF), backbone.hidden_size)
    nn.init.normal_(meanings.weight, std=0.3)
    roughly = nn.Sequential(meanings, nn.Dropout(0.3))  # so that what comes near is read as well
    asks = Interpreter(
        SASRec(SASRecConfig(width=4, layers=1, epochs=1, device="cpu")).fit(cycle),
        cycle.catalogue,
        InterpreterConfig(model=str(tiny_model), precision="fp32", device="cpu"),
    )
    named = [
        asks.prompt("recovery", [place], word, wording)
        for wording in range(len(WORDINGS["recovery"]))
        for place, word in enumerate(WORDS_OF)
    ]
    added = [  # the second vector is the one that counts
        asks.prompt("residual", [(place + step) % 12, place], word, wording)
        for wording in range(len(WORDINGS["residual"]))
        for place, word in enumerate(WORDS_OF)
        for step in (0, 5, 11)
    ]
    examples = PromptExamples(backbone, named + added)
    config = TrainingConfig(epochs=60, batch_size=12, learning_rate=3e-3)
    fit(PromptNet(backbone, roughly), examples, examples.collate, config, None, FitContext())
    folder = tmp_path_factory.mktemp("reader")
    backbone.model.save_pretrained(folder)
    backbone.tokenizer.raw.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def learned(reader: Path, cycle: Split) -> Interpreter:
    """Names the last item from the state of a recommender that has learned the circle."""
    recommender = SASRec(
        SASRecConfig(width=16, layers=1, length=8, epochs=15, device="cpu", dropout=0.1)
    ).fit(cycle)
    config = InterpreterConfig(
        model=str(reader), tasks=("recovery", "residual"), length=1, samples=300, epochs=20,
        patience=5, learning_rate=3e-2, max_tokens=8, precision="fp32", device="cpu",
    )  # fmt: skip
    interpreter = Interpreter(recommender, cycle.catalogue, config)
    before = interpreter.fingerprints()
    people = meet(cycle.test.histories, seed=0)
    interpreter.fit(people.learned, people.stopped)
    assert interpreter.fingerprints() == before  # recommender and language model are frozen
    return interpreter


def test_words_depend_on_the_state_and_somebody_elses_are_worth_no_more_than_popularity(
    learned: Interpreter, cycle: Split
) -> None:
    people = meet(cycle.test.histories, seed=0)
    told = judge(learned, people)
    rows = {row["name"]: row for row in told["recovery"]["rows"]}
    assert rows[WORDS]["recovered"] > 0.5  # by chance, one in twelve
    assert rows[OTHER]["recovered"] == pytest.approx(rows[POPULAR]["recovered"], abs=0.2)
    assert rows[OTHER]["p"] < 0.05
    assert set(rows) == {WORDS, OTHER, SILENT, HELD, PROBE, NEAREST, POPULAR}
    assert rows[HELD]["recovered"] >= rows[WORDS]["recovered"]
    assert rows[SILENT]["recovered"] < 0.3
    for row in rows.values():
        assert sum(row["distribution"]) == told["judged"] == len(people.judged)
    assert told["recovery"]["by_position"] == [pytest.approx(rows[WORDS]["recovered"])]
    assert {"bleu", "rouge"} <= set(told["recovery"])
    # No words without a state behind them: a linear map of it says as much.
    assert rows[PROBE]["recovered"] >= rows[WORDS]["recovered"] - 0.1


def test_the_item_that_was_added_is_read_from_the_right_one_of_two_states(
    learned: Interpreter, cycle: Split
) -> None:
    """This language model was taught to read the second of two, so it takes the state after."""
    told = judge_residual(learned, meet(cycle.test.histories, seed=0))
    accuracy = {row["name"]: row["accuracy"] for row in told["rows"]}
    assert accuracy[WORDS] > 0.5
    assert accuracy[HELD] >= accuracy[WORDS]
    assert accuracy[AFTER_TWICE] > 0.5
    assert accuracy[BEFORE_TWICE] < 0.3
    assert accuracy[OTHER] < 0.3
    assert accuracy[POPULAR] < 0.3


def test_training_kept_its_best_epoch(learned: Interpreter) -> None:
    losses = learned.held_out_losses
    assert 1 <= len(losses) <= learned.config.epochs
    assert min(losses) < 0.5 * losses[0]


def test_a_seed_repeats_the_adapter_and_a_saved_one_says_the_same(
    learned: Interpreter, cycle: Split
) -> None:
    people = meet(cycle.test.histories, seed=0)
    states = learned.states(people.judged)
    fresh = Interpreter(learned.recommender, cycle.catalogue, learned.config)
    fresh.load_state(learned.state())
    assert fresh.words(states) == learned.words(states)
    config = learned.config.model_copy(update={"epochs": 1})
    twice = [
        Interpreter(learned.recommender, cycle.catalogue, config).fit(
            people.learned, people.stopped
        )
        for _ in range(2)
    ]
    for name, value in twice[0].state().items():
        assert torch.equal(value, twice[1].state()[name]), name


def test_words_are_the_same_alone_and_among_others(learned: Interpreter, cycle: Split) -> None:
    states = learned.states(cycle.test.histories.take(np.arange(5)))
    together = learned.words(states)
    assert together == [learned.words(states.take(np.array([row])))[0] for row in range(5)]


def test_nobody_is_learned_from_and_judged_by() -> None:
    histories = Histories.of([[1, 2]] * 30 + [[3]], [f"u{i}" for i in range(31)])
    people = meet(histories, seed=0)
    groups = [set(one.users) for one in (people.learned, people.stopped, people.judged)]
    assert set.union(*groups) == {f"u{i}" for i in range(30)}  # one event tells nothing
    assert sum(map(len, groups)) == 30
    assert all(groups)
    with pytest.raises(DataError, match="need 10"):
        meet(histories.take(np.arange(9)), seed=0)
