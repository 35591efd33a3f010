"""``palate chat``: turns on the command line, in pipes, and as JSON."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from palate.data.dataset import Dataset
from palate.data.load import DataConfig

WISH = "something like Heat but funnier, not from the nineties"
PLAIN = ["--words", "plain"]


@pytest.fixture(scope="module")
def films_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EASE on MovieLens 100K, genres and years and all."""
    from palate.experiments.train import train

    folder = tmp_path_factory.mktemp("runs") / "ease"
    return train("ease", {}, DataConfig(data="ml-100k"), folder=folder).folder


def test_turns_that_are_said(palate, films_run: Path) -> None:
    told = palate("chat", films_run, *PLAIN, "--say", WISH, "--say", "three more", "-k", "4")
    assert told.code == 0, told.err
    assert told.err == ""
    first, second = told.out.split("you › ")[1:]
    assert first.splitlines()[:3] == [
        WISH,
        "like Heat (1995) · Comedy wished · not 1990–1999",
        "The 4 nearest to your wishes, out of 344 that obey every constraint.",
    ]
    assert "  4  " in first
    assert "  5  " not in first
    assert "(id " in first
    assert "1 item is left out" in first
    assert "  3  " in second
    assert "  4  " not in second
    assert "\x1b" not in told.out


def test_the_exchange_in_the_docs_is_real(palate, films_run: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "chat.md").read_text("utf-8")
    exchange = page.split("```text\n")[1].split("```")[0]
    turns = [line.removeprefix("you › ") for line in exchange.splitlines() if line[:3] == "you"]
    said = [word for turn in turns for word in ("--say", turn)]
    assert palate("chat", films_run, *PLAIN, "-k", "3", *said).out.rstrip() == exchange.rstrip()


def test_json_for_machines(palate, films_run: Path, ml100k: Dataset) -> None:
    words = ["chat", films_run, *PLAIN, "--user", "196", "--say", WISH, "--say", "more", "--json"]
    told = json.loads(palate(*words).out)
    assert set(told) == {"run", "user", "turns"}
    assert [turn["said"] for turn in told["turns"]] == [WISH, "more"]
    had = set(ml100k.interactions.filter(user="196")["item"])
    shown = [one for turn in told["turns"] for one in turn["choices"]]
    assert len({one["item"] for one in shown}) == 10
    assert not had & {one["item"] for one in shown}
    assert all(not 1990 <= one["year"] <= 1999 for one in shown)
    assert set(shown[0]) == {"item", "title", "year", "genres", "why"}
    assert told["turns"][0]["worded_by"] == "plain"
    assert told["turns"][0]["understood"] == [
        "like Heat (1995)", "Comedy wished", "not 1990–1999",
    ]  # fmt: skip


def test_a_new_person_with_a_history(palate, films_run: Path) -> None:
    told = palate("chat", films_run, *PLAIN, "--history", "Star Wars (1977)", "--say", "more")
    assert "for you" in told.out
    assert "Star Wars (1977)  (id" not in told.out


def test_a_pipe_is_read_line_by_line(
    palate, films_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("westerns\nnot the first\n"))
    told = palate("chat", films_run, *PLAIN)
    assert told.code == 0, told.err
    assert told.out.count("out of") == 2
    assert "Western · not " in told.out


def test_a_talk_at_a_terminal(films_run: Path) -> None:
    ours, theirs = pty.openpty()
    palate = Path(sys.executable).parent / "palate"
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    with subprocess.Popen(
        [palate, "chat", films_run, *PLAIN],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    ) as talking:  # fmt: skip
        os.close(theirs)
        os.write(ours, b"two westerns\nquit\n")
        told = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other side is closed
                break
            if not part:
                break
            told += part
    os.close(ours)
    assert talking.returncode == 0
    shown = told.decode()
    assert "Say what you are looking for" in shown
    assert shown.count("you › ") == 2
    assert "The 2 nearest to your wishes, out of 27 that obey every constraint." in shown


def test_markup_is_text(palate, films_run: Path) -> None:
    told = palate("chat", films_run, *PLAIN, "--say", "[red]a western[/red] like '[bold]'")
    assert "you › [red]a western[/red]" in told.out
    assert "no title of the catalogue: [bold]" in told.out


def test_a_run_without_genres_or_years(palate, trained: Path) -> None:
    told = palate("chat", trained, *PLAIN, "--say", "like Heat, before 1990, a comedy")
    assert told.code == 0
    assert "like Heat (1995) · before 1990" in told.out  # years stand in the titles


def test_words_of_a_model(palate, films_run: Path, tiny_model: Path) -> None:
    words = ["chat", films_run, "--words", tiny_model, "--say", WISH, "--json"]
    told = json.loads(palate(*words).out)["turns"][0]
    plain = json.loads(palate(*words[:2], *PLAIN, *words[4:]).out)["turns"][0]
    assert told == plain  # a model that knows nothing is overruled


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--user", "1", "--history", "Heat (1995)"], "not both"),
        (["--user", "nobody", "--say", "more"], "no user is called 'nobody'"),
        (["--history", "Heatt (1995)", "--say", "more"], "Heat (1995)"),
        (["--json"], "--say"),
        (["-k", "0"], "-k"),
        (["--words", "http://localhost:1/v1", "--say", "more"], "--words-model"),
        (["--words-model", "m", "--words", "plain", "--say", "more"], "--words http"),
        (["--words", "nosuchmodel", "--say", "more"], "nosuchmodel"),
    ],
)
def test_slips_at_the_keyboard(words: list[str], says: str, palate, films_run: Path) -> None:
    answer = palate("chat", films_run, *words)
    assert answer.code == 2
    assert answer.out == ""
    (line,) = [line for line in answer.err.splitlines() if line.strip()]
    assert line.startswith("error: ")
    assert says in line
