"""BIGRec on the real small model, cut short: both steps, their traps, and the controls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from palate.data.cases import Histories, Split
from palate.errors import ConfigError
from palate.evaluation.ranking import hr, rank_targets
from palate.language.collate import encode
from palate.recommenders.base import Controlled, FitContext
from palate.recommenders.bigrec import BIGRec, BIGRecConfig, quoted, unquoted
from palate.recommenders.conformance import split_of, taste_split
from palate.recommenders.grounding import distances
from palate.recommenders.registry import configure

SMALL: dict[str, Any] = {
    "layers": 2,
    "noun": "film",
    "samples": 24,
    "epochs": 1,
    "batch_size": 8,
    "learning_rate": 5e-3,
    "max_tokens": 8,
    "beams": 2,
    "validation_users": 8,
    "precision": "fp32",
    "model_precision": "fp32",
    "device": "cpu",
}
HISTORIES = Histories.of([[1, 2, 3], [4], [5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]])


def build(**more: Any) -> BIGRec:
    config = configure("bigrec", SMALL | more)
    assert isinstance(config, BIGRecConfig)
    return BIGRec(config)


@pytest.fixture(scope="module")
def split() -> Split:
    return taste_split()


@pytest.fixture(scope="module")
def trained(split: Split) -> BIGRec:
    return build(statistics="popularity").fit(split)


def test_the_prompt_tells_of_the_last_items_and_ends_where_the_answer_begins(
    trained: BIGRec, split: Split
) -> None:
    titles = trained.titles
    history = [*range(12), 3]
    (one,) = encode([trained.prompt(history, target=5)], trained.backbone.tokenizer)
    text = trained.backbone.tokenizer.decode(one.ids[: one.answer])
    kept = history[-trained.config.length :]
    assert ", ".join(quoted(titles[item]) for item in kept) in text
    assert quoted(titles[history[2]]) not in text
    answer = one.ids[one.answer :]
    assert answer[-1] == trained.backbone.tokenizer.eos_id
    assert trained.backbone.tokenizer.decode(answer) == quoted(titles[5])


def test_true_titles_are_grounded_in_themselves(ml100k_split: Split) -> None:
    """The oracle: had the model written what comes next, it would stand first.

    Catches quotes, padding, BOS, an adapter that is on, and digits that are lost.
    """
    model = build(samples=0, statistics="none")
    some = ml100k_split.test.take(np.arange(0, 943, 12))
    model.fit(split_with(ml100k_split, some))
    titles = model.titles
    written = model.vectors([unquoted(quoted(titles[item])) for item in some.targets.tolist()])
    distance = distances(written, model.item_vectors())
    best = distance.min(1)
    for row, item in enumerate(some.targets.tolist()):
        same = [i for i, title in enumerate(titles) if title == titles[item]]
        assert distance[row, same].min() == best[row]


def split_with(split: Split, test: Any) -> Split:
    import dataclasses

    return dataclasses.replace(split, test=test)


def test_embeddings_do_not_depend_on_their_batch(trained: BIGRec, split: Split) -> None:
    whole = trained.item_vectors()
    for number, title in enumerate(trained.titles[:6]):
        torch.testing.assert_close(trained.vectors([title])[0], whole[number], atol=1e-4, rtol=1e-4)


def test_embeddings_are_those_of_the_model_without_its_adapter(
    trained: BIGRec, split: Split
) -> None:
    untrained = build(samples=0).fit(split)
    name = trained.backbone.adapters.active
    assert name is not None
    ups = [v for k, v in trained.backbone.adapters.tensors(name).items() if "lora_B" in k]
    assert any(bool(up.any()) for up in ups), "training changed nothing: the test tests nothing"
    torch.testing.assert_close(trained.item_vectors(), untrained.item_vectors())
    assert trained.backbone.adapters.active == name


def test_the_language_model_itself_never_changes(split: Split) -> None:
    model = build()
    model._place(split.catalogue)
    with model.backbone.adapters.disabled():
        before = model.backbone.fingerprint()
    model.fit(split)
    with model.backbone.adapters.disabled():
        assert model.backbone.fingerprint() == before


def test_the_first_place_does_not_depend_on_gamma(trained: BIGRec, split: Split) -> None:
    histories, targets = split.test.histories, split.test.targets
    hits = []
    for gamma in (0.0, 0.5, 20.0):
        trained._gamma = gamma
        ranks = rank_targets(trained.score(histories), targets)
        hits.append(hr(ranks, 1))
    assert np.array_equal(hits[0], hits[1])
    assert np.array_equal(hits[0], hits[2])


def test_zero_shot_control_is_the_untrained_model(split: Split) -> None:
    form = {"decoding": "constrained", "beams": 4}
    trained, untrained = build(**form).fit(split), build(**form, samples=0).fit(split)
    controls = trained.controls()
    assert isinstance(trained, Controlled)
    assert set(controls) == {"nearest to the last title", "popularity", "zero-shot"}
    np.testing.assert_allclose(
        controls["zero-shot"](HISTORIES), untrained.score(HISTORIES), rtol=1e-4
    )
    assert not np.allclose(trained.score(HISTORIES), untrained.score(HISTORIES))
    nearest = controls["nearest to the last title"](HISTORIES)
    assert nearest.argmax(1).tolist() == [3, 4, 8]  # itself, which the evaluator masks


def test_constrained_beams_end_in_titles_of_the_catalogue(split: Split) -> None:
    model = build(decoding="constrained", beams=6).fit(split)
    scores = model.score(HISTORIES)
    reached = scores > scores.min(1, keepdims=True)
    assert reached.sum(1).tolist() == [6, 6, 6]


def test_a_text_free_model_is_mixed_in_and_kept(split: Split, tmp_path: Path) -> None:
    more = {"cf": "ease", "statistics": "cf", "decoding": "constrained", "samples": 0}
    alone = build(**more, share=0.0, beams=19).fit(split)
    ease = alone.controls()["ease alone"](HISTORIES)
    scores = alone.score(HISTORIES)
    top = (-scores).argsort(1, kind="stable")[:, :5]
    assert np.array_equal(top, (-ease).argsort(1, kind="stable")[:, :5])
    alone.save(tmp_path)
    again = BIGRec.load(tmp_path, split.catalogue)
    np.testing.assert_array_equal(again.score(HISTORIES), scores)


def test_equal_titles_share_a_score() -> None:
    split = split_of([[0, 1, 2, 3, 4, 5]] * 8, 6, "twins")
    frame = split.catalogue.frame
    frame[3, "title"] = frame[2, "title"]
    for decoding in ("grounded", "constrained"):
        scores = (
            build(decoding=decoding, samples=0, beams=5)
            .fit(split)
            .score(HISTORIES.take(np.array([1])))
        )
        assert scores[0, 2] == scores[0, 3]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('"Heat (1995)"', "Heat (1995)"),
        (' "Heat (1995)" \n', "Heat (1995)"),
        ("Heat (1995)", "Heat (1995)"),
        ('"Heat (1995)"\n\nThat is a film about a thief.', "Heat (1995)"),
        ("", ""),
    ],
)
def test_of_what_is_written_the_title_is_kept(written: str, kept: str) -> None:
    assert unquoted(written) == kept


def test_statistics_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match="statistics=popularity goes with decoding=grounded"):
        build(decoding="constrained", statistics="popularity")


def test_examples_are_drawn_by_the_seed(trained: BIGRec, split: Split) -> None:
    first, again = (trained.examples(split, seed=3) for _ in range(2))
    assert first == again
    assert len(first) == 24
    assert first != trained.examples(split, seed=4)


def test_training_is_repeated_by_its_seed(split: Split) -> None:
    one, two = (build(samples=8).fit(split, FitContext(seed=7)) for _ in range(2))
    assert np.array_equal(one.score(HISTORIES), two.score(HISTORIES))
