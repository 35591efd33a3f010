"""``palate compare --split periods`` and ``palate update`` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SMALL = {"epochs": "1", "width": "8", "length": "8", "layers": "1"}


def write(path: Path, start: int, users: range, items: int, count: int) -> Path:
    rows = [
        f"u{users[n % len(users)]},i{(5 * n + n // 7) % items},{start + n},{1 + 2 * n % 5}"
        for n in range(count)
    ]
    path.write_text("\n".join(["user,item,time,rating", *rows]) + "\n")
    return path


def sets(label: str) -> list[str]:
    return [word for key, value in SMALL.items() for word in ("--set", f"{label}.{key}={value}")]


def test_compare_over_periods_prints_a_line_for_each_way(palate, tmp_path: Path) -> None:
    write(tmp_path / "log.csv", 1_000_000_000, range(10), 14, 400)
    words = ["compare", "sasrec-likes", "--interactions", "log.csv", "--split", "periods:5"]
    words += ["--set", "periods.strategies=[full,lsat-en]", "--set", "periods.first=2"]
    words += ["--set", "periods.known=2", *sets("sasrec-likes")]
    first = palate(*words)
    assert first.code == 0, first.err
    lines = [line.split() for line in first.out.splitlines() if "sasrec-likes" in line]
    assert [line[1] for line in lines] == ["full", "lsat-en"]
    assert "Tested on periods 4 to 5" in first.out
    assert "report: runs/periods-log/report.html" in first.err
    assert (tmp_path / "runs/periods-log/report.html").exists()
    again = palate(*words, "--json")
    told = json.loads(again.out)
    assert told["folder"] == "runs/periods-log"
    assert [line["strategy"] for line in told["lines"]] == ["full", "lsat-en"]
    assert told["lines"][1]["share"] is not None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ease", "--split", "periods"], "'ease' does not go on learning"),
        (["sasrec", "--split", "periods:2"], "periods: count"),
        (["sasrec", "--split", "periods", "--set", "periods.frist=2"], "frist"),
        (["sasrec", "--split", "periods:99"], "ask for fewer periods"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    words: list[str], says: str, palate, tmp_path: Path
) -> None:
    write(tmp_path / "log.csv", 1_000_000_000, range(10), 14, 300)
    answer = palate("compare", *words, "--interactions", "log.csv")
    assert answer.code == 2
    assert says in answer.err
    assert len(answer.err.strip().splitlines()) == 1


def test_a_run_is_brought_up_to_date(palate, tmp_path: Path) -> None:
    write(tmp_path / "old.csv", 1_000_000_000, range(20), 14, 400)
    write(tmp_path / "new.csv", 1_000_010_000, range(8, 24), 16, 200)
    small = [word for key, value in SMALL.items() for word in (f"--{key}", value)]
    trained = palate("train", "sasrec-likes", "--interactions", "old.csv", *small)
    assert trained.code == 0, trained.err
    words = ["update", "runs/sasrec-likes-old", "--with", "new.csv"]

    planned = palate(*words, "--dry-run")
    assert planned.code == 0, planned.err
    assert "200 events, 4 users, 2 items" in planned.out
    assert "estimate, from what the run took: training" in planned.out
    assert "short-term sasrec-likes: trained from scratch" in planned.out
    assert json.loads(palate(*words, "--dry-run", "--json").out)["new"]["items"] == 2
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["sasrec-likes-old"]

    made = palate(*words)
    assert made.code == 0, made.err
    rows = [line.split() for line in made.out.splitlines() if line.strip().startswith(("N", "AUC"))]
    assert [row[0] for row in rows[:2]] == ["NDCG@10", "AUC"]
    assert "weight of the long-term model: " in made.out
    assert "new:   runs/sasrec-likes-old-v2" in made.err
    assert "next:  palate recommend runs/sasrec-likes-old-v2" in made.err

    listed = palate("recommend", "runs/sasrec-likes-old-v2", "--user", "u23", "-k", "3")
    assert listed.code == 0, listed.err
    assert len(listed.out.splitlines()) == 3
    new = palate("recommend", "runs/sasrec-likes-old-v2", "--history", "i15; i14", "-k", "2")
    assert new.code == 0, new.err
    assert palate("evaluate", "runs/sasrec-likes-old-v2").code == 0

    again = palate("update", "runs/sasrec-likes-old-v2", "--with", "new.csv")
    assert again.code == 2
    assert "no new event is in it" in again.err


def test_update_says_what_is_missing(palate, tmp_path: Path) -> None:
    assert "--with" in palate("update", "runs/none").err
    gone = palate("update", "runs/none", "--with", "new.csv")
    assert gone.code == 2
    assert "no such folder" in gone.err
