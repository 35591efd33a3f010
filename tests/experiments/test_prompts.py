"""Prompts as the language model reads them: every position, vectors among them, and the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.data.load import DataConfig
from palate.errors import RunError
from palate.experiments.prompts import as_read, read_prompt
from palate.experiments.run import Run
from palate.experiments.train import train
from palate.language.backbone import Backbone
from palate.language.collate import encode
from palate.language.prompts import Markup, Prompt, Slot


@pytest.fixture(scope="module")
def bigrec_run(
    own_files: DataConfig, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    """BIGRec as its language model comes, on one that knows nothing."""
    settings = {
        "model": str(tiny_model), "samples": 0, "tuning": "frozen", "max_tokens": 3, "beams": 1,
        "noun": "film", "device": "cpu",
    }  # fmt: skip
    return train("bigrec", settings, own_files, folder=tmp_path_factory.mktemp("runs") / "bigrec")


def test_vectors_and_control_tokens_can_be_seen(tiny_model: Path) -> None:
    backbone = Backbone.load(str(tiny_model), precision="fp32", device="cpu")
    prompt = Prompt.of(
        Markup("<|endoftext|>"), "café: ", Slot(7, width=2, label="item"), " and ", Slot(3), "?"
    )
    read = as_read(prompt, backbone)
    assert read.text == "<|endoftext|>café: [item 7][item 7] and [vector 3]?"
    assert read.vectors == 3
    (encoded,) = encode([prompt], backbone.tokenizer)
    assert len(read.pieces) == len(encoded.ids)
    for piece, id_ in zip(read.pieces, encoded.ids, strict=True):
        assert piece.id in (id_, None)
    assert [piece.text for piece in read.pieces if piece.id is None] == [
        "[item 7]", "[item 7]", "[vector 3]",
    ]  # fmt: skip


def test_the_prompt_of_a_run_is_the_one_it_scores_with(bigrec_run: Run) -> None:
    recommender, history = bigrec_run.recommender(), bigrec_run.history("7")
    read = read_prompt(bigrec_run, user="7")
    prompt = recommender.prompt(history)  # type: ignore[attr-defined]
    (encoded,) = encode([prompt], recommender.backbone.tokenizer)  # type: ignore[attr-defined]
    assert [piece.id for piece in read.pieces] == encoded.ids
    for item in history[-10:]:
        assert recommender.titles[item] in read.text  # type: ignore[attr-defined]
    assert "film" in read.text
    assert read.answer is None
    assert read_prompt(bigrec_run, history=history) == read


def test_the_answer_is_what_the_model_writes(bigrec_run: Run) -> None:
    read = read_prompt(bigrec_run, user="7", answer=True, max_tokens=5)
    assert read.answer
    assert read_prompt(bigrec_run, user="7", answer=True, max_tokens=5) == read


def test_methods_without_prompts(ease_run: Run) -> None:
    with pytest.raises(RunError, match="ease reads no prompt"):
        read_prompt(ease_run, user="196")
