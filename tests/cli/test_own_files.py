"""A person's own CSV and Parquet files: looked at, trained on, recommended from."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl


def test_show_says_what_was_understood(palate, own_files) -> None:
    answer = palate("data", "show", *own_files.words, "--k-core", "5")
    assert answer.code == 0
    assert "150 users" in answer.out
    assert "time=timestamp" in answer.out
    assert "k-core" in answer.out
    assert "Toy Story (1995)" in answer.out
    assert "Leave-one-out leaks time" in answer.out


def test_show_for_machines(palate, own_files) -> None:
    told = json.loads(palate("data", "show", *own_files.words, "--min-rating", "4", "--json").out)
    events = pl.read_csv(own_files.interactions)
    read, rated = told["steps"][0], told["steps"][1]
    assert read["events"] == len(events)
    assert rated["events"] == told["events"] == (events["rating"] >= 4).sum()
    assert rated["dropped_events"] == (events["rating"] < 4).sum()
    assert told["users"] == 150
    assert told["split"]["test"] == 150


def test_columns_with_unusual_names(palate, own_files, tmp_path: Path) -> None:
    events = pl.read_csv(own_files.interactions)
    events.rename({"userId": "wer", "movieId": "was", "timestamp": "wann"}).write_csv("odd.csv")
    flags = ["--user-column", "wer", "--item-column", "was", "--time-column", "wann"]
    told = json.loads(palate("data", "show", "odd.csv", *flags, "--json").out)
    assert told["events"] == len(events)
    told = json.loads(palate("data", "show", "odd.csv", *flags[:5], "-", "--json").out)
    assert told["first"] is None


def test_train_then_recommend_to_someone_new(palate, own_files, tmp_path: Path) -> None:
    answer = palate("train", "ease", *own_files.words, "--regularization", "100")
    assert answer.code == 0, answer.err
    assert "ndcg" in answer.out
    assert "Leave-one-out leaks time" in answer.out
    folder = Path("runs/ease-clicks")
    assert f"palate recommend {folder}" in answer.err
    assert (folder / "model.safetensors").exists()

    history = "Toy Story (1995); heat (1995); 50"
    answer = palate("recommend", folder, "--history", history, "-k", "7")
    lines = [line.split("\t") for line in answer.out.splitlines()]
    titles = [title for title, _ in lines]
    assert len(titles) == 7
    assert not {"Toy Story (1995)", "Heat (1995)", "Star Wars (1977)"} & set(titles)
    scores = [float(score) for _, score in lines]
    assert scores == sorted(scores, reverse=True)

    told = json.loads(palate("recommend", folder, "--history", history, "-k", "7", "--json").out)
    assert [one["title"] for one in told] == titles
    assert set(told[0]) == {"item", "title", "score"}


def test_a_second_training_gets_a_folder_of_its_own(palate, own_files) -> None:
    for _ in range(2):
        assert palate("train", "popularity", *own_files.words).code == 0
    assert sorted(path.name for path in Path("runs").iterdir()) == [
        "popularity-clicks",
        "popularity-clicks-2",
    ]


def test_recommend_to_a_known_user(palate, trained, own_files) -> None:
    events = pl.read_csv(own_files.interactions)
    user = str(events["userId"][0])
    seen = set(events.filter(pl.col("userId") == int(user))["movieId"].cast(pl.String))
    told = json.loads(palate("recommend", trained, "--user", user, "--json").out)
    assert len(told) == 10
    assert not seen & {one["item"] for one in told}


def test_more_items_are_asked_for_than_there_are(palate, trained) -> None:
    answer = palate("recommend", trained, "--history", "Heat (1995)", "-k", "100000")
    films = pl.read_parquet(trained / "catalogue.parquet")
    assert len(answer.out.splitlines()) == len(films) - 1


def test_evaluate_gives_the_same_metrics_again(palate, trained) -> None:
    before = json.loads((trained / "metrics.json").read_text())["metrics"]
    answer = palate("evaluate", trained, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out) == before


def test_evaluate_lets_it_pick_among_candidates_and_says_what_that_is(palate, trained) -> None:
    answer = palate("evaluate", trained, "--candidates", "20", "--json")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["protocol"] == "sampled-candidate"
    assert told == json.loads((trained / "candidates.json").read_text())
    shown = palate("evaluate", trained, "--candidates", "20").out
    assert "sampled-candidate hr@1" in shown
    assert "no ranking of the catalogue" in shown


def test_report_says_where_it_is(palate, trained) -> None:
    answer = palate("report", trained)
    assert answer.code == 0, answer.err
    assert Path(answer.out.strip()) == trained / "report.html"
    assert "<html" in (trained / "report.html").read_text()


def test_show_counts_domains_and_the_users_they_share(palate, tmp_path: Path) -> None:
    Path("books.csv").write_text("user,item,time\nann,1,1\nann,2,2\nann,3,3\nbob,1,4\n")
    Path("films.csv").write_text("user,item,time\nann,1,5\ncid,1,6\n")
    words = ["data", "show", "--domains", "books=books.csv,films=films.csv"]
    answer = palate(*words)
    assert answer.code == 0, answer.err
    assert "books and films share 1 user\n" in answer.out
    told = json.loads(palate(*words, "--split", "few-shot:1", "--json").out)
    assert told["domains"][0] == {"name": "books", "users": 2, "items": 3, "events": 4}
    assert told["shared_users"] == [{"domains": ["books", "films"], "users": 1}]
    assert told["split"]["name"] == "few-shot:1"
    assert told["split"]["train"] == 1
