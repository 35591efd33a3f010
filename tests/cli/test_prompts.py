"""``palate prompts``: what the language model reads, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.data.load import DataConfig

HISTORY = "Star Wars (1977); Toy Story (1995)"


@pytest.fixture(scope="module")
def reading(own_files, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of BIGRec as its language model comes, on one that knows nothing."""
    from palate.experiments.train import train

    data = DataConfig(interactions=own_files.interactions, items=own_files.items)
    settings = {
        "model": str(tiny_model), "samples": 0, "tuning": "frozen", "max_tokens": 3, "beams": 1,
        "device": "cpu",
    }  # fmt: skip
    return train("bigrec", settings, data, folder=tmp_path_factory.mktemp("runs") / "bigrec").folder


def test_the_prompt_and_where_the_answer_goes(palate, reading: Path) -> None:
    told = palate("prompts", reading, "--history", HISTORY)
    assert told.code == 0, told.err
    assert told.out.index('"Star Wars"') < told.out.index('"Toy Story"')
    assert told.out.endswith("[the answer goes here]\n")
    assert "positions, read by" in told.err


def test_tokens_one_by_one_are_the_prompt(palate, reading: Path) -> None:
    lines = palate("prompts", reading, "--history", HISTORY, "--tokens").out.splitlines()
    rows = [line.split("\t") for line in lines]
    assert [row[0] for row in rows] == [str(place) for place in range(len(rows))]
    text = "".join(json.loads(row[2]) for row in rows)
    assert palate("prompts", reading, "--history", HISTORY).out.startswith(text)


def test_json_and_the_answer(palate, reading: Path) -> None:
    words = ["prompts", reading, "--user", "7", "--answer"]
    told = json.loads(palate(*words, "--json").out)
    assert told["tokens"] == len(told["pieces"])
    assert told["vectors"] == 0
    assert told["answer"]
    shown = palate(*words).out
    assert shown == told["text"] + told["answer"] + "\n"


def test_a_method_without_prompts_is_one_line(palate, trained: Path) -> None:
    answer = palate("prompts", trained, "--user", "7")
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.strip() == f"error: {trained}: ease reads no prompt, so there is none to show"
