"""A comparison across domains: numbers of each domain in the results, the tables, the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.cli import comparison_table
from palate.data.load import DataConfig
from palate.evaluation.ranking import ndcg
from palate.experiments.compare import compare
from palate.experiments.comparison import Comparison
from palate.experiments.run import Run
from palate.experiments.train import train


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """Sixty users who mostly take the next book, then the next film."""
    folder = tmp_path_factory.mktemp("shop")
    random = np.random.default_rng(0)
    rows = []
    for user in range(60):
        start = int(random.integers(0, 40))
        for step in range(8):
            rows.append((f"u{user}", "books", (start + step) % 40, 10 * step))
            rows.append((f"u{user}", "films", (start + 3 * step) % 25, 10 * step + 5))
    frame = pl.DataFrame(rows, schema=["user", "domain", "item", "time"], orient="row")
    for name in ("books", "films"):
        inside = frame.filter(domain=name).select("user", "item", "time")
        (folder / name).mkdir()
        inside.write_csv(folder / name / "events.csv")
    return DataConfig(data=str(folder), split="user-holdout", split_seed=1)


@pytest.fixture(scope="module")
def comparison(shop: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(
        ["popularity", "sasrec"],
        shop.model_copy(update={"split": "leave-one-out"}),
        seeds=2,
        folder=tmp_path_factory.mktemp("runs") / "comparison",
        settings={"sasrec": {"epochs": 1, "width": 8, "length": 10, "layers": 1}},
    )


def test_every_split_trains_and_comes_back(shop: DataConfig, tmp_path: Path) -> None:
    names = ["few-shot:16", "cross-domain:books>films", "cold-items:0.1", "cold-users:3"]
    for number, name in enumerate(names):
        data = shop.model_copy(update={"split": name})
        run = train("ease", {}, data, folder=tmp_path / str(number))
        assert run.results()["split"] == name
        assert run.results()["notes"]
        assert run.split().test.histories.users == run.cases()["user"].to_list()
        domains = {row["domain"] for row in run.results()["domains"]}
        assert domains == ({"films"} if name.startswith("cross") else {"books", "films"} & domains)


def test_results_hold_both_ways_of_ranking(comparison: Comparison) -> None:
    run = comparison.run("popularity-seed0")
    cases, rows = run.cases(), run.results()["domains"]
    ways = [(row["domain"], row["ranked"]) for row in rows]
    assert len(ways) == len(set(ways)) == 2 * cases["domain"].n_unique()
    for row in rows:
        inside = cases.filter(domain=row["domain"])
        column = "rank" if row["ranked"] == "whole catalogue" else "domain_rank"
        assert row["cases"] == len(inside)
        assert row["metrics"]["ndcg@10"] == pytest.approx(
            ndcg(inside[column].to_numpy() - 1, 10).mean()
        )
        assert row["intervals"]["ndcg@10"][0] <= row["metrics"]["ndcg@10"]
    assert (cases["domain_rank"] <= cases["rank"]).all()
    slices = {row["by"] for row in run.results()["slices"]}
    assert slices == {"activity", "popularity", "domain", "own domain"}


def test_a_row_has_the_mean_over_seeds(comparison: Comparison) -> None:
    row = next(row for row in comparison.rows if row.label == "sasrec")
    runs = [Run(comparison.folder / name).results()["domains"] for name in row.runs]
    assert len(runs) == 2
    for mean, *each in zip(row.domains, *runs, strict=True):
        values = [one["metrics"]["mrr"] for one in each]
        assert mean["metrics"]["mrr"] == pytest.approx(np.mean(values))
        assert mean["ranked"] == each[0]["ranked"]
    assert Comparison.open(comparison.folder).rows[0].domains == comparison.rows[0].domains


def test_the_report_and_the_table_show_them(
    comparison: Comparison, capfd: pytest.CaptureFixture[str]
) -> None:
    page = (comparison.folder / "report.html").read_text("utf-8")
    assert "Domain by domain" in page
    assert page.count("own domain only") >= 2
    assert "ranked over the whole catalogue" in page
    for row in comparison.rows:
        for one in row.domains:
            assert f"{one['metrics']['ndcg@10']:.4f}" in page
    comparison_table.show(comparison)
    told = capfd.readouterr().out
    assert "domain of the target" in told
    assert told.count("own domain only") == sum(
        one["ranked"] == "own domain only" for row in comparison.rows for one in row.domains
    )


def test_data_of_one_domain_says_nothing_of_domains(ease_run: Run) -> None:
    assert "domains" not in ease_run.results()
    assert "Domain by domain" not in (ease_run.folder / "report.html").read_text("utf-8")
    assert "domain" not in ease_run.cases().columns
    assert json.loads((ease_run.folder / "metrics.json").read_text())["cases"] == 943
