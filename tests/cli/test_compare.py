"""Several methods side by side."""

from __future__ import annotations

import json


def test_compare_prints_one_table_and_reuses_what_is_done(palate, own_files) -> None:
    words = ["compare", "popularity", "ease", *own_files.words, "--set", "ease.regularization=100"]
    first = palate(*words, "--out", "both")
    assert first.code == 0, first.err
    lines = [line.split()[0] for line in first.out.splitlines() if line.strip()]
    assert lines.index("ease") < lines.index("popularity")  # the better one first
    assert "both/report.html" in first.err
    assert "reused" not in first.err

    again = palate(*words, "--out", "both", "--json")
    assert again.err.count("reused") == 2
    told = json.loads(again.out)
    assert [row["label"] for row in told["rows"]] == ["ease", "popularity"]
    assert told["rows"][0]["metrics"]["ndcg@10"] > told["rows"][1]["metrics"]["ndcg@10"]

    other = palate(*words[:-1], "ease.regularization=200", "--out", "both")
    assert other.err.count("reused") == 1  # other settings are another run
