"""``palate explain``: reasons for any method, words for those that read a sequence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.data.load import DataConfig
from palate.recommenders.interpreter import InterpreterConfig

HISTORY = "Star Wars (1977); Toy Story (1995)"


@pytest.fixture(scope="module")
def sequential(own_files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of SASRec on the person's own files."""
    from palate.experiments.train import train

    data = DataConfig(interactions=own_files.interactions, items=own_files.items)
    settings = {"epochs": 1, "width": 16, "length": 20, "layers": 1, "device": "cpu"}
    return train("sasrec", settings, data, folder=tmp_path_factory.mktemp("runs") / "sasrec").folder


def test_what_drives_the_first_recommendation(palate, trained: Path) -> None:
    first = palate("recommend", trained, "--history", HISTORY, "-k", "1").out.split("\t")[0]
    told = palate("explain", trained, "--history", HISTORY)
    assert told.code == 0, told.err
    assert told.out.startswith(f"{first}: rank 1 of ")
    assert "Star Wars (1977)" in told.out
    assert "█" in told.out
    assert "In words" not in told.out  # EASE has no state to put into words
    assert told.err == ""


def test_json_says_the_same_in_full(palate, trained: Path) -> None:
    answer = palate("explain", trained, "--user", "7", "-k", "1", "--json")
    told = json.loads(answer.out)
    assert told["rank"] == 1
    assert len(told["influences"]) > 20  # all of the history, whatever is shown
    assert set(told["influences"][0]) == {"item", "title", "events", "change", "rank"}
    assert "words" not in told
    shown = palate("explain", trained, "--user", "7", "-k", "1").out
    assert told["influences"][0]["title"] in shown
    assert f"{len(told['influences']) - 1} more items" in shown


def test_any_item_can_be_explained(palate, trained: Path) -> None:
    words = ["explain", trained, "--history", HISTORY, "--item", "heat (1995)", "--json"]
    told = json.loads(palate(*words).out)
    assert told["title"] == "Heat (1995)"
    assert told["rank"] > 1


def test_a_method_that_reads_no_history_says_so(palate, own_files) -> None:
    palate("train", "popularity", *own_files.words, "--out", "runs/popularity")
    told = palate("explain", "runs/popularity", "--history", HISTORY)
    assert "the same for everyone" in told.out


def test_words_come_with_how_true_they_are(palate, sequential: Path, tiny_model: Path) -> None:
    small = ["--words", "--model", tiny_model, "--samples", "16", "--epochs", "1"]
    unasked = palate("explain", sequential, "--user", "7")
    assert "In words" not in unasked.out  # nothing is trained that nobody asked for
    assert "training" not in unasked.err

    first = palate("explain", sequential, "--user", "7", *small)
    assert first.code == 0, first.err
    assert "In words" in first.out
    assert "On 30 people it never saw" in first.out
    assert "training" in first.err  # what takes long is seen
    assert (sequential / "interpreter" / "interpreter.json").is_file()

    again = palate("explain", sequential, "--user", "7")
    assert again.out == first.out
    assert "training" not in again.err

    words = json.loads(palate("explain", sequential, "--user", "7", "--json").out)["words"]
    assert set(words) == {"text", "named", "figures", "trust"}
    assert words["trust"] in first.out


def test_words_can_be_left_out(palate, sequential: Path) -> None:
    told = palate("explain", sequential, "--user", "7", "--no-words")
    assert told.code == 0
    assert "In words" not in told.out
    assert "training" not in told.err


def test_help_tells_the_defaults_of_the_interpreter(palate) -> None:
    told = palate("explain", "--help").out
    config = InterpreterConfig()
    for value in (config.samples, config.epochs, config.model):
        assert f"[default: ({value})]" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "either --history"),
        (["--user", "1", "--history", "Heat (1995)"], "either --history"),
        (["--user", "nobody"], "no user is called 'nobody'"),
        (["--user", "1", "--item", "Toy Storey (1995)"], "Toy Story (1995)"),
        (["--user", "1", "--samples", "0"], "--samples"),
        (["--user", "1", "--words"], "ease keeps no state of a sequence"),
    ],
)
def test_slips_at_the_keyboard(words: list[str], says: str, palate, trained: Path) -> None:
    answer = palate("explain", trained, *words)
    assert answer.code == 2
    assert answer.out == ""
    (line,) = [line for line in answer.err.splitlines() if line.strip()]
    assert line.startswith("error: ")
    assert says in line
