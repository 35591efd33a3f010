"""LLaRA on the real small model, cut short, and on a tiny one of another kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch.testing import assert_close

from palate.data.cases import Histories, Split
from palate.data.catalogue import Catalogue
from palate.data.titles import formed
from palate.errors import ConfigError
from palate.evaluation.candidates import CandidateSets, candidate_ranks, judge
from palate.evaluation.ranking import rank_targets
from palate.language.backbone import IGNORED
from palate.language.collate import collate, encode, splice
from palate.language.prompts import Slot
from palate.recommenders.base import Controlled, FitContext
from palate.recommenders.conformance import cycle_split, split_of, taste_split
from palate.recommenders.item_vectors import altered
from palate.recommenders.llara import LLaRA, LLaRAConfig
from palate.recommenders.llara_net import Curriculum, Projector
from palate.recommenders.registry import configure

CF: dict[str, Any] = {"width": 16, "length": 8, "epochs": 2, "batch_size": 16, "device": "cpu"}
SMALL: dict[str, Any] = {
    "layers": 2,
    "noun": "film",
    "samples": 24,
    "epochs": 2,
    "batch_size": 8,
    "learning_rate": 5e-3,
    "max_tokens": 8,
    "beams": 3,
    "validation_users": 4,
    "precision": "fp32",
    "model_precision": "fp32",
    "device": "cpu",
    "cf_settings": CF,
}
HISTORIES = Histories.of([[1, 2, 3], [4], [5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]])
COMMON = ["Someone liked these films, oldest first: ", "Answer with one title and nothing else"] * 9
CANDIDATES = np.array([[4, 0, 9, 12], [3, 1, 17, 2], [10, 11, 0, 9]])


def build(**more: Any) -> LLaRA:
    config = configure("llara", SMALL | more)
    assert isinstance(config, LLaRAConfig)
    return LLaRA(config)


@pytest.fixture(scope="module")
def tiny_folder(make_gpt2: Callable[..., Path]) -> Path:
    """A model of another kind and width, of so few tokens that it trains in seconds."""
    return make_gpt2([*cycle_split().catalogue.titles, *COMMON], 420, initializer_range=0.3)


@pytest.fixture(scope="module")
def split() -> Split:
    return taste_split()


@pytest.fixture(scope="module")
def smol(split: Split) -> LLaRA:
    return build(curriculum="direct").fit(split)


@pytest.fixture(scope="module")
def tiny(split: Split, tiny_folder: Path) -> LLaRA:
    return build(model=str(tiny_folder), epochs=3).fit(split)


@pytest.fixture(params=["smol", "tiny"])
def trained(request: pytest.FixtureRequest) -> LLaRA:
    return request.getfixturevalue(request.param)


def test_a_vector_follows_each_title_in_order(trained: LLaRA, split: Split) -> None:
    titles, history, shown = formed(split.catalogue.titles), [*range(12), 3], [7, 0, 19, 5]
    prompt = trained.prompt(history, target=5, candidates=shown)
    items = [*history[-trained.config.length :], *shown]
    slots = [(at, one) for at, one in enumerate(prompt.spans) if isinstance(one, Slot)]
    assert [slot.index for _, slot in slots] == items
    for at, slot in slots:
        before = prompt.spans[at - 1]
        assert not isinstance(before, Slot)
        assert before.text.endswith(titles[slot.index])
    (one,) = encode([prompt], trained.backbone.tokenizer)
    assert [slot.index for _, slot in one.slots] == items
    text = trained.backbone.tokenizer.decode(one.ids[: one.answer])
    assert f"{titles[history[2]]}," not in text


def test_the_vectors_in_a_batch_are_those_of_the_items_that_stand_there(trained: LLaRA) -> None:
    tokenizer, bridge = trained.backbone.tokenizer, trained.net.bridge
    assert isinstance(bridge, Projector)
    encoded = encode([trained.prompt([3, 4], 5), trained.prompt([9], 1, [1, 2, 9])], tokenizer)
    batch = collate(encoded, tokenizer.pad_id)
    with torch.no_grad():
        embeds = splice(
            trained.backbone, batch["input_ids"], batch["slot_mask"], bridge(batch["slots"])
        )
        expected = bridge.project(bridge.table[[3, 4, 9, 1, 2, 9]])
    assert_close(embeds[batch["slot_mask"]], expected)
    length = batch["input_ids"].shape[1]
    for row, one in enumerate(encoded):
        for position, slot in one.slots:
            there = embeds[row, length - len(one.ids) + position]
            assert_close(there, bridge.project(bridge.table[slot.index]).detach())


def test_labels_are_the_title_and_its_end_alone(trained: LLaRA, split: Split) -> None:
    tokenizer = trained.backbone.tokenizer
    encoded = encode([trained.prompt([1, 2], 5), trained.prompt([1], 7, [7, 8])], tokenizer)
    for row, target in zip(collate(encoded, tokenizer.pad_id)["labels"], (5, 7), strict=True):
        learned = row[row != IGNORED].tolist()
        assert learned[-1] == tokenizer.eos_id
        assert tokenizer.decode(learned[:-1]) == formed(split.catalogue.titles)[target]
        assert (row != IGNORED).nonzero()[-1] == len(row) - 1


def test_long_titles_are_cut_in_prompts_and_no_vector_with_them(tiny_folder: Path) -> None:
    base = taste_split()
    long = "A Title of\nMany Words " * 30
    frame = base.catalogue.frame.with_columns(
        pl.Series("title", [long + title for title in base.catalogue.titles])
    )
    model = build(model=str(tiny_folder), samples=0, title_tokens=5)
    model.fit(Split(Catalogue(frame), base.train, base.validation, base.test, "long"))
    tokenizer = model.backbone.tokenizer
    (one,) = encode([model.prompt([*range(10)], 3, [*range(10, 20)])], tokenizer)
    assert [slot.index for _, slot in one.slots] == list(range(20))
    assert one.answer < 400
    shown = tokenizer.decode(one.ids[: one.slots[0][0]]).partition(": ")[2]
    assert len(tokenizer.encode([shown])[0]) <= 5
    assert "A Title of Many Words".startswith(shown)
    assert tokenizer.decode(one.ids[one.answer :]) == long + formed(base.catalogue.titles)[3]


def test_the_chance_of_vectors_rises_over_the_whole_training(
    split: Split, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three epochs of three steps: it does not begin anew with each of them."""
    model, seen = build(model=str(tiny_folder), epochs=3), []
    place = LLaRA._place

    def placed(self: LLaRA, catalogue: Catalogue, seed: int = 0) -> None:
        place(self, catalogue, seed)
        self.net.register_forward_pre_hook(lambda net, _: seen.append(net.hybrid))

    monkeypatch.setattr(LLaRA, "_place", placed)
    model.fit(split)
    assert [p for p, _ in model.steps] == [step / 9 for step in range(9)]
    assert seen == [hybrid for _, hybrid in model.steps]
    assert {True, False} == set(seen)
    assert model.net.hybrid


def test_the_language_model_and_the_item_vectors_never_change(split: Split) -> None:
    model = build()
    model._table = torch.randn(20, 16)
    model._place(split.catalogue)
    with model.backbone.adapters.disabled():
        before = model.backbone.fingerprint()
    model.fit(split)
    with model.backbone.adapters.disabled():
        assert model.backbone.fingerprint() == before
    assert isinstance(model.net.bridge, Projector)
    assert model._table is not None
    assert torch.equal(model.net.bridge.table, model._table)
    fresh = model.bridge()
    assert fresh is not None
    assert float(fresh(torch.arange(20)).detach().square().mean().sqrt()) == pytest.approx(
        model.backbone.embedding_size, rel=1e-4
    )


class CutError(Exception):
    """The moment a training is cut off."""


def test_a_training_that_was_cut_off_goes_on_as_it_would_have(
    split: Split, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"model": str(tiny_folder), "epochs": 4, "candidates": 4}
    whole = build(**settings).fit(split, FitContext(seed=3)).state()
    begin = Curriculum.on_step_begin

    def cut(self: Curriculum, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == 7:
            raise CutError
        begin(self, args, state, control, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Curriculum, "on_step_begin", cut)
        with pytest.raises(CutError):
            build(**settings).fit(split, FitContext(seed=3, folder=tmp_path))
    again = build(**settings).fit(split, FitContext(seed=3, folder=tmp_path, resume=True)).state()
    assert whole.keys() == again.keys()
    assert len(whole["steps"]) == 12
    for name, value in whole.items():
        assert torch.equal(value, again[name]), name


def test_answers_do_not_depend_on_the_batch(trained: LLaRA) -> None:
    """Prompts of unlike length, padded on the left, are answered as each is alone."""
    together = trained.choose(HISTORIES, CANDIDATES)
    ranked = trained.rank_candidates(HISTORIES, CANDIDATES)
    scores = trained.score(HISTORIES)
    for row in range(len(HISTORIES)):
        one, shown = HISTORIES.take(np.array([row])), CANDIDATES[row : row + 1]
        assert trained.choose(one, shown) == together[row : row + 1]
        assert_close(trained.rank_candidates(one, shown)[0], ranked[row], rtol=1e-4, atol=1e-3)
        assert_close(trained.score(one)[0], scores[row], rtol=1e-4, atol=1e-3)


def test_as_many_items_are_told_apart_as_there_are_beams(trained: LLaRA) -> None:
    scores = trained.score(HISTORIES)
    reached = scores > scores.min(1, keepdims=True)
    assert reached.sum(1).tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"curriculum": "text-only"},
        {"curriculum": "two-stage", "cf": "als", "cf_settings": {"factors": 8}},
        {"curriculum": "direct", "tuning": "frozen", "candidates": 4},
        {"curriculum": "direct", "prompt": "behaviour-only", "cf": "caser"},
        {"item_vectors": "permuted", "cf": "gru4rec"},
        {"item_vectors": "zero"},
        {"item_vectors": "random", "cf": "bpr", "cf_settings": {"factors": 8, "iterations": 5}},
    ],
    ids=lambda form: "-".join(map(str, (v for v in form.values() if not isinstance(v, dict)))),
)
def test_each_form_is_saved_and_loaded(
    split: Split, tiny_folder: Path, tmp_path: Path, form: dict[str, Any]
) -> None:
    model = build(model=str(tiny_folder), **form).fit(split)
    model.save(tmp_path)
    loaded = LLaRA.load(tmp_path, split.catalogue)
    assert np.array_equal(loaded.score(HISTORIES), model.score(HISTORIES))
    assert loaded.choose(HISTORIES, CANDIDATES) == model.choose(HISTORIES, CANDIDATES)
    assert np.allclose(loaded.steps, model.steps)
    assert len(loaded.steps) == 6
    assert loaded.trainable_parameters == model.trainable_parameters
    controls, again = model.controls(), loaded.controls()
    assert controls.keys() == again.keys()
    for name, score in controls.items():
        assert np.array_equal(again[name](HISTORIES), score(HISTORIES)), name


def test_text_only_prompts_hold_no_vectors_and_nothing_projects(
    split: Split, tiny_folder: Path
) -> None:
    model = build(model=str(tiny_folder), curriculum="text-only").fit(split)
    assert model.net.bridge is None
    spans = model.prompt([1, 2], 3, [4, 5]).spans
    assert not any(isinstance(span, Slot) for span in spans)
    assert not any(hybrid for _, hybrid in model.steps)
    assert list(model.controls()) == ["popularity"]
    assert model.trainable_parameters == sum(
        one.numel() for name, one in model.net.named_parameters() if "lora_" in name
    )


def test_behaviour_only_histories_hold_no_titles(split: Split, tiny_folder: Path) -> None:
    model = build(
        model=str(tiny_folder), curriculum="direct", prompt="behaviour-only", samples=0
    ).fit(split)
    (one,) = encode([model.prompt([1, 2, 3])], model.backbone.tokenizer)
    assert "Film" not in model.backbone.tokenizer.decode(one.ids)
    assert [slot.index for _, slot in one.slots] == [1, 2, 3]
    assert len(encode([model.prompt([1], None, [4, 5])], model.backbone.tokenizer)[0].slots) == 3


@pytest.mark.parametrize("how", ["zero", "permuted", "random"])
def test_item_vectors_can_be_replaced_from_the_start(
    split: Split, tiny_folder: Path, how: Any
) -> None:
    learned, control = (
        build(model=str(tiny_folder), samples=0, item_vectors=form).fit(split, FitContext(seed=4))
        for form in ("learned", how)
    )
    assert learned._table is not None
    assert control._table is not None
    assert torch.equal(control._table, altered(learned._table, how, 4))
    assert list(control.controls()) == ["popularity", "sasrec alone"]


def test_controls_are_the_trained_model_with_other_vectors(tiny: LLaRA) -> None:
    assert isinstance(tiny, Controlled)
    controls = tiny.controls()
    vectors = {"zeroed vectors": "zero", "permuted vectors": "permuted", "random vectors": "random"}
    assert set(controls) == {"popularity", "sasrec alone", *vectors}
    assert isinstance(tiny.net.bridge, Projector)
    own, scores = tiny.net.bridge.table, tiny.score(HISTORIES)
    for name, how in vectors.items():
        found = controls[name](HISTORIES)
        assert not np.allclose(found, scores)
        with tiny.net.bridge.reading(altered(own, how, 0)):  # type: ignore[arg-type]
            assert np.array_equal(tiny.score(HISTORIES), found)
        assert tiny.net.bridge.table is own
    assert np.array_equal(tiny.score(HISTORIES), scores)
    assert tiny._cf is not None
    assert np.array_equal(controls["sasrec alone"](HISTORIES), tiny._cf.score(HISTORIES))
    assert np.array_equal(controls["popularity"](HISTORIES)[2], tiny.popularity)


def test_training_prompts_list_candidates_where_they_should(
    split: Split, tiny_folder: Path
) -> None:
    model = build(model=str(tiny_folder), samples=None, candidates=6)
    model._table = torch.randn(20, 4)
    model._place(split.catalogue)
    examples = model.examples(split, seed=2)
    assert examples == model.examples(split, seed=2)
    places = []
    for prompt in examples:
        slots = [span.index for span in prompt.spans if isinstance(span, Slot)]
        history, shown = slots[:-6], slots[-6:]
        assert prompt.answer is not None
        target = formed(split.catalogue.titles).index(prompt.answer)
        assert len(set(shown)) == 6
        assert not (set(shown) - {target}) & set(history)
        places.append(shown.index(target))
    assert set(places) == set(range(6))


def test_vectors_alone_tell_what_comes_next(tiny_folder: Path) -> None:
    """Without a title in the history, an item's vector names the next one; another's does not."""
    split = cycle_split()
    model = build(
        model=str(tiny_folder),
        prompt="behaviour-only",
        curriculum="direct",
        samples=None,
        length=1,
        epochs=8,
        evaluate_every=8,
        learning_rate=1e-2,
        batch_size=16,
        beams=4,
    ).fit(split)
    test = split.test.take(np.arange(36))

    def first(scores: Any) -> float:
        return float((rank_targets(scores, test.targets) == 0).mean())

    assert first(model.score(test.histories)) > 0.95
    assert first(model.controls()["permuted vectors"](test.histories)) < 0.3
    assert first(model.controls()["zeroed vectors"](test.histories)) < 0.3


def test_the_model_chooses_among_candidates(tiny_folder: Path) -> None:
    """In words, and by likelihood: two readings of the same answers."""
    split = cycle_split()
    model = build(
        model=str(tiny_folder),
        prompt="behaviour-only",
        curriculum="direct",
        candidates=3,
        samples=None,
        length=1,
        epochs=9,
        evaluate_every=9,
        learning_rate=1e-2,
        adapter={"rank": 32, "alpha": 32, "dropout": 0},
        batch_size=16,
        max_tokens=16,
    ).fit(split)
    test = split.test.take(np.arange(36))
    sets = CandidateSets.draw(test, split.n_items, 3, visible=1)
    scores = model.rank_candidates(test.histories, sets.items)
    answers = model.choose(test.histories, sets.items)
    found = judge(answers, sets, formed(split.catalogue.titles))
    assert found.valid.mean() > 0.9
    assert found.correct.mean() > 0.9
    assert (candidate_ranks(scores, sets) == 0).mean() > 0.9
    best = np.take_along_axis(sets.items, scores.argmax(1)[:, None], 1)[:, 0]
    same = np.array(formed(split.catalogue.titles))[best] == np.array(answers)
    assert same.mean() > 0.9


def test_equal_titles_share_a_score(tiny_folder: Path) -> None:
    split = split_of([[0, 1, 2, 3, 4, 5]] * 8, 6, "twins")
    frame = split.catalogue.frame
    frame[3, "title"] = frame[2, "title"]
    model = build(model=str(tiny_folder), samples=0, beams=5).fit(split)
    scores = model.score(HISTORIES.take(np.array([1])))
    assert scores[0, 2] == scores[0, 3]


def test_one_setting_of_the_adapter_leaves_the_others_as_released() -> None:
    adapter = build(**{"adapter.rank": 4}).config.adapter
    assert (adapter.rank, adapter.alpha, adapter.dropout) == (4, 32, 0.1)
    assert adapter.targets == "all-linear"


def test_settings_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match=r"behaviour-only; set curriculum=direct"):
        build(prompt="behaviour-only")
    with pytest.raises(ConfigError, match=r"tuning=frozen; set curriculum=direct"):
        build(tuning="frozen", curriculum="text-only")


def test_a_recommender_without_item_vectors_is_refused(split: Split) -> None:
    with pytest.raises(ConfigError, match=r"cf=ease has no vector for each item; sasrec"):
        build(cf="ease", cf_settings={}).fit(split)
