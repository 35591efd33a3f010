"""TALLRec on the real small model, cut short: the question, the answer's place, the score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from palate.data.cases import Histories, Split
from palate.data.questions import Questions
from palate.language.collate import encode
from palate.recommenders.base import FitContext
from palate.recommenders.conformance import taste_split
from palate.recommenders.registry import configure
from palate.recommenders.tallrec import NO, YES, TALLRec, TALLRecConfig
from palate.recommenders.updates import merged, merged_exactly

SMALL: dict[str, Any] = {
    "layers": 2,
    "noun": "film",
    "samples": 64,
    "epochs": 6,
    "batch_size": 8,
    "learning_rate": 5e-3,
    "retrieved": 4,
    "precision": "fp32",
    "model_precision": "fp32",
    "device": "cpu",
}


def build(**more: Any) -> TALLRec:
    config = configure("tallrec", SMALL | more)
    assert isinstance(config, TALLRecConfig)
    return TALLRec(config)


@pytest.fixture(scope="module")
def split() -> Split:
    return taste_split()


@pytest.fixture(scope="module")
def trained(split: Split) -> TALLRec:
    return build().fit(split, FitContext(seed=0))


@pytest.fixture(scope="module")
def asked(split: Split) -> Questions:
    whole = split.train.sequences()
    return Questions.of_likes(whole, whole.offsets[1:] - 1, split.n_items, 0)


def read(model: TALLRec, *question: Any) -> str:
    (one,) = encode([model.question(*question)], model.backbone.tokenizer)
    return model.backbone.tokenizer.decode(one.ids)


def test_the_question_tells_likes_from_dislikes_and_the_last_events_only(trained: TALLRec) -> None:
    titles, length = trained.titles, trained.config.length
    history = [*range(length), 3, 4]
    liked = [True] * length + [False, True]
    text = read(trained, history, liked, 7)
    assert f'Disliked films: "{titles[3]}"\n' in text
    first = ", ".join(f'"{titles[item]}"' for item in [*history[2:length], 4])
    assert f"Liked films: {first}\n" in text
    assert f'"{titles[0]}"' not in text
    assert f'the film "{titles[7]}"?' in text
    assert "Disliked films: \n" in read(trained, [1], [True], 7)


def test_the_answer_is_one_word_read_where_it_stands(trained: TALLRec) -> None:
    tokenizer = trained.backbone.tokenizer
    ids = {}
    for answer, word in ((True, YES), (False, NO)):
        (one,) = encode([trained.question([1], [True], 2, answer)], tokenizer)
        ids[word] = one.ids[one.answer :]
        assert len(ids[word]) == 1
        assert tokenizer.decode(ids[word]) == word
    # A title that holds the answers' words moves nothing.
    trained.titles[2], before = f"{YES} or {NO}", trained.titles[2]
    prompt = trained.question([2], [True], 2)
    (one,) = encode([prompt], tokenizer)
    with torch.no_grad():
        logits = trained.backbone.model(torch.tensor([one.ids])).logits[0, -1].float()
    p = logits.softmax(-1)
    yes, no = (float(p[ids[word][0]]) for word in (YES, NO))
    (found,) = trained._yes([prompt])
    trained.titles[2] = before
    assert found == pytest.approx(1 / (1 + np.exp(no - yes)), abs=1e-5)


def test_the_two_scores_order_alike_and_one_stays_near_a_half(
    trained: TALLRec, asked: Questions
) -> None:
    double = trained.predict(asked)
    trained.config = trained.config.model_copy(update={"scorer": "log-odds"})
    odds = trained.predict(asked)
    trained.config = trained.config.model_copy(update={"scorer": "double-softmax"})
    assert (double > 0.26).all()
    assert (double < 0.74).all()
    assert ((odds > 0.5) == (double > 0.5)).all()
    assert np.ptp(odds) > np.ptp(double)


def test_answers_do_not_depend_on_their_batch(trained: TALLRec, asked: Questions) -> None:
    whole = trained.predict(asked)
    alone = np.concatenate(
        [trained.predict(asked.take(np.array([one]))) for one in range(0, len(asked), 9)]
    )
    np.testing.assert_allclose(alone, whole[::9], atol=1e-5)


def test_learning_makes_what_people_like_likelier(trained: TALLRec, asked: Questions) -> None:
    fresh = build()
    fresh.begin(trained.catalogue, 0)
    assert trained.judge(trained.predict(asked), asked) > fresh.judge(fresh.predict(asked), asked)


def test_a_fresh_adapter_answers_as_the_bare_model(trained: TALLRec, asked: Questions) -> None:
    fresh = build()
    fresh.begin(trained.catalogue, 3)
    with fresh.backbone.adapters.disabled():
        bare = fresh.predict(asked)
    assert (fresh.predict(asked) == bare).all()


def test_what_is_not_asked_about_follows_as_the_retriever_has_it(
    trained: TALLRec, split: Split
) -> None:
    some = split.test.histories.take(np.arange(3))
    scores, found = trained.score(some), trained._retriever.score(some)
    for row, history in enumerate(some):
        first = np.argsort(-found[row], kind="stable")
        unseen = [item for item in first.tolist() if item not in set(history.tolist())]
        asked, rest = unseen[:4], unseen[4:]
        assert (scores[row, asked] > 0).all()
        assert (scores[row, rest] < 0).all()
        assert (np.diff(scores[row, rest]) < 0).all()


def test_dislikes_change_the_answer(trained: TALLRec, asked: Questions) -> None:
    whole = asked.sequences
    flags = np.zeros(len(whole.items), dtype=bool)
    other = Histories(whole.items, whole.offsets, whole.users, flags)
    disliked = Questions(other, asked.places, asked.items, asked.liked)
    assert not np.allclose(trained.predict(disliked), trained.predict(asked), atol=1e-4)


def test_weights_are_taken_and_merged_without_a_trace(
    trained: TALLRec, asked: Questions, split: Split
) -> None:
    long = trained.weights()
    answers = trained.predict(asked)
    trained.begin(split.catalogue, 0)
    trained.learn(asked.some(16, 1), asked.some(8, 2), FitContext(seed=0))
    short, other = trained.weights(), trained.predict(asked)
    assert not np.allclose(answers, other, atol=1e-4)
    for share, wanted in ((1.0, answers), (0.0, other)):
        trained.take(merged(long, short, share))
        assert (trained.predict(asked) == wanted).all()
    trained.take(merged_exactly(long, short, 0.4))
    assert trained.config.adapter.rank == 16
    exact = trained.predict(asked)
    # What the merged adapter changes is the mixture of what the two change.
    name = next(key for key in long if "lora_A" in key)
    up = name.replace("lora_A", "lora_B")
    wanted = 0.4 * long[up] @ long[name] + 0.6 * short[up] @ short[name]
    both = trained.weights()
    torch.testing.assert_close(both[up] @ both[name], wanted, atol=1e-6, rtol=1e-4)
    trained.take(merged(long, short, 0.4))
    assert trained.config.adapter.rank == 8
    assert not (trained.predict(asked) == exact).all()
    trained.take(long)
    assert (trained.predict(asked) == answers).all()


def test_it_comes_back_from_disk(trained: TALLRec, split: Split, tmp_path: Path) -> None:
    trained.save(tmp_path)
    again = TALLRec.load(tmp_path, split.catalogue)
    some = split.test.histories.take(np.arange(2))
    np.testing.assert_allclose(again.score(some), trained.score(some), atol=1e-5)


def test_the_prompt_that_people_see_is_the_retrievers_first_question(
    trained: TALLRec, split: Split
) -> None:
    some = split.test.histories.take(np.arange(1))
    (prompt,) = trained.prompts(some)
    (one,) = encode([prompt], trained.backbone.tokenizer)
    best = int(trained._unseen(trained._retriever.score(some)[0], some[0])[0])
    assert f'the film "{trained.titles[best]}"?' in trained.backbone.tokenizer.decode(one.ids)
