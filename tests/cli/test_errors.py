"""Whatever a newcomer gets wrong: one line on stderr that says the mend, code 2, no traceback."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

DATA = ["--data", "ml-100k"]


def one_line(answer) -> str:
    """The error of an answer, having checked its form."""
    assert answer.code == 2
    assert answer.out == ""
    lines = [line for line in answer.err.splitlines() if line.strip()]
    assert len(lines) == 1, answer.err
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["trian"], "trian"),
        (["train"], "palate methods"),
        (["train", "--epochs", "3", "sasrec", *DATA], "the method comes before its settings"),
        (["train", "sasrek", *DATA], "did you mean sasrec"),
        (["train", "sasrec"], "--data ml-100k"),
        (["train", "sasrec", *DATA, "--epoch", "3"], "did you mean --epochs"),
        (["train", "sasrec", *DATA, "--min-ratng", "3"], "did you mean --min-rating"),
        (["train", "sasrec", *DATA, "--zzz", "3"], "palate train sasrec --help"),
        (["train", "sasrec", *DATA, "--epochs", "many"], "epochs=many"),
        (["train", "sasrec", *DATA, "--epochs", "0"], "greater than or equal to 1"),
        (["train", "sasrec", *DATA, "--epochs"], "--epochs needs a value"),
        (["train", "sasrec", *DATA, "--epochs", "1", "--epochs", "2"], "twice"),
        (["train", "sasrec", *DATA, "epochs=1"], "'epochs=1' is left over"),
        (["train", "ease", "--data", "ml-100"], "did you mean 'ml-100k'"),
        (["train", "ease", *DATA, "--split", "random"], "leave-one-out"),
        (["train", "ease", *DATA, "--k-core", "-1"], "--k-core -1"),
        (["train", "ease", *DATA, "--interactions", "x.csv"], "either data"),
        (["train", "ease", "--interactions", "nowhere.csv"], "nowhere.csv: no such file"),
        (["train", "ease", *DATA, "--seed", "x"], "--seed"),
        (["train", "--resume", "nowhere"], "nowhere"),
        (["train", "ease", "--resume", "nowhere"], "--resume RUN takes nothing else"),
        (["compare"], "METHOD"),
        (["compare", "ease", "sasrek", *DATA], "did you mean sasrec"),
        (["compare", "ease", *DATA, "--set", "sasrec.width=3"], "'sasrec' is not compared here"),
        (["compare", "ease", *DATA, "--set", "width"], "method.setting=value"),
        (["compare", "ease", *DATA, "--set", "ease.lambda=3"], "lambda"),
        (["compare", "ease", *DATA, "--seeds", "0"], "--seeds"),
        (["compare", "ease"], "--data ml-100k"),
        (["recommend", "nowhere", "--user", "1"], "nowhere: no such folder"),
        (["recommend", "nowhere"], "either --history"),
        (["recommend", ".", "--user", "1"], "palate train"),
        (["explain", "nowhere", "--user", "1"], "nowhere: no such folder"),
        (["prompts", "nowhere", "--user", "1"], "nowhere: no such folder"),
        (["prompts", "nowhere"], "either --history"),
        (["evaluate", "nowhere"], "nowhere: no such folder"),
        (["report", "nowhere"], "nowhere: no such folder"),
        (["data", "show"], "--data ml-100k"),
        (["data", "show", "ml-100"], "did you mean 'ml-100k'"),
        (["data", "fetch", "ml-100"], "did you mean 'ml-100k'"),
    ],
    ids=lambda part: " ".join(part)[:60] if isinstance(part, list) else "",
)
def test_slips_at_the_keyboard(words: list[str], says: str, palate) -> None:
    assert says in one_line(palate(*words))


GOOD = "user,item,time\n" + "".join(
    f"u{u},i{(u * k) % 7},{k}\n" for u in range(5) for k in range(6)
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"user,item,time\n", "x.csv"),
        (b"person,item,time\n1,2,3\n", "--user-column"),
        (b"user,item,time\n1,2,3\n1,3,later\n", "row 3"),
        (b"user,item,time\nu1,i1,1\n", "3 events"),
        ("user,item,time\n1,é,3\n".encode("latin-1"), "x.csv"),
    ],
    ids=["empty", "header only", "no user column", "time is a word", "too few events", "latin-1"],
)
def test_files_that_cannot_be_used(content: bytes, says: str, palate, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    told = one_line(palate("train", "ease", "--interactions", "x.csv"))
    assert says in told
    assert "x.csv" in told


def test_a_truncated_gzip(palate, tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(GOOD.encode() * 50)[:-20])
    assert "x.csv.gz" in one_line(palate("train", "ease", "--interactions", "x.csv.gz"))


def test_an_item_twice_in_the_file_of_items(palate, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(GOOD)
    (tmp_path / "items.csv").write_text("item,title\ni1,One\ni1,Two\n")
    words = ["train", "ease", "--interactions", "x.csv", "--items", "items.csv"]
    told = one_line(palate(*words))
    assert "items.csv" in told
    assert "i1" in told


def test_a_format_that_does_not_exist(palate, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(GOOD)
    told = one_line(palate("data", "show", "x.csv", "--format", "excel"))
    assert "no format 'excel'; there are: " in told


def test_a_minimum_rating_without_ratings(palate, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(GOOD)
    told = one_line(palate("train", "ease", "--interactions", "x.csv", "--min-rating", "4"))
    assert "--rating-column" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--history", "Toy Storey (1995)"], "Toy Story (1995)"),
        (["--history", "Toy Story (1995); xyzzy"], "no item is called 'xyzzy'"),
        (["--history", " ; "], "--history is empty"),
        (["--user", "nobody"], "no user is called 'nobody'"),
        (["--user", "1", "--history", "Heat (1995)"], "either --history"),
        (["--user", "1", "-k", "0"], "-k"),
    ],
)
def test_recommending_for_someone_unknown(words: list[str], says: str, palate, trained) -> None:
    assert says in one_line(palate("recommend", trained, *words))


def test_a_run_is_never_written_over(palate, trained: Path) -> None:
    told = one_line(palate("train", "ease", *DATA, "--out", trained))
    assert "holds a run already" in told
    assert "--out" in told


def test_debugging_shows_where_it_happened(palate, monkeypatch: pytest.MonkeyPatch) -> None:
    from palate.errors import PalateError

    def run() -> None:
        import sys

        from palate.cli import main

        monkeypatch.setattr(sys, "argv", ["palate", "data", "show", "ml-100"])
        main()

    monkeypatch.setenv("PALATE_DEBUG", "1")
    with pytest.raises(PalateError, match="ml-100k"):
        run()
