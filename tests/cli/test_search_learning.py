"""``palate search calibrate`` and ``harm``, as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.search.alignment.safety import HarmFilter

TOWNS = [
    *("Aldburn", "Barlow", "Carrick", "Denby", "Elstow", "Farley", "Gorsty", "Hadley", "Ilford"),
    *("Jarrow", "Kelham", "Linton", "Marlow", "Norton", "Oakham", "Pendle", "Quorn", "Ripley"),
    *("Selby", "Thirsk", "Ulver", "Vowley", "Welby", "Yarrow", "Zeals"),
]


def write(path: str, rows: list[dict[str, str]]) -> None:
    Path(path).write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture
def idx(palate) -> str:
    """An index of bridges; questions that it can answer, and others; which document is right."""
    write("docs.jsonl", [
        {"id": town, "title": f"{town} bridge", "text": f"The bridge of {town} was opened in "
         f"{1800 + number}. It crosses a river and has {number + 2} arches of stone."}
        for number, town in enumerate(TOWNS)
    ])  # fmt: skip
    write("queries.jsonl", [
        {"_id": f"q{town}", "text": f"When was the bridge of {town} opened?"} for town in TOWNS
    ])  # fmt: skip
    write("others.jsonl", [
        {"_id": f"o{town}", "text": f"Which painter of portraits was born near {town} abbey?"}
        for town in TOWNS
    ])  # fmt: skip
    rows = ["query-id\tcorpus-id\tscore", *(f"q{town}\t{town}\t1" for town in TOWNS)]
    Path("qrels.tsv").write_text("\n".join(rows) + "\n")
    assert palate("search", "index", "docs.jsonl", "--out", "idx", "--vectors", "none").code == 0
    return "idx"


ASKED = ("--queries", "queries.jsonl", "--qrels", "qrels.tsv", "-p", "bm25")


def test_refusing_is_learned_from_questions(palate, idx):
    words = ("search", "calibrate", idx, *ASKED, "--others", "others.jsonl", "--out", "sure.json")
    told = json.loads(palate(*words, "--json").out)
    assert told["questions"] == 2 * len(TOWNS)
    assert told["right"] == len(TOWNS)
    assert told["answered"] == pytest.approx(0.5, abs=0.05)
    assert told["wrong"] < 0.05
    assert "half" not in palate(*words).err
    sure = ("-p", "bm25", "--calibration", "sure.json")
    assert "1805" in palate("search", "ask", idx, "When was Farley bridge opened?", *sure).out
    refused = palate("search", "ask", idx, "Which painter was born near Farley?", *sure)
    assert refused.out == "I cannot answer that from these documents.\n"


def test_a_risk_that_cannot_be_kept_is_told(palate, idx):
    words = ("search", "calibrate", idx, *ASKED, "--out", "sure.json")
    answer = palate(*words)
    assert answer.code != 0
    assert "and 5 others; there are 25 and 0" in answer.err
    assert not Path("sure.json").exists()
    right = [(town, town if at % 2 else "Selby") for at, town in enumerate(TOWNS)]
    rows = ["query-id\tcorpus-id\tscore", *(f"q{asked}\t{town}\t1" for asked, town in right)]
    Path("qrels.tsv").write_text("\n".join(rows) + "\n")
    answer = palate(*words, "--risk", "0")
    assert answer.code != 0
    assert "even the surest is wrong; allow more" in answer.err


def test_harm_is_learned_and_measured_on_what_was_held_out(palate):
    write("bad.jsonl", [
        {"id": f"{n}", "text": f"Mix the powder with {n} grams of acid to make it explode and hurt "
         "people nearby."} for n in range(40)
    ])  # fmt: skip
    write("good.jsonl", [
        {"id": f"{n}", "text": f"Mix the flour with {n} grams of sugar to bake a cake for people "
         "who visit."} for n in range(60)
    ])  # fmt: skip
    words = ("search", "harm", "--harmful", "bad.jsonl", "--harmless", "good.jsonl")
    told = json.loads(palate(*words, "--out", "filter", "--json").out)
    assert told["held"] == [8, 12]
    assert told["harmful"] == 1
    assert told["harmless"] <= 0.1
    assert "stops 100% of 8 harmful" in palate(*words, "--out", "filter").err
    learned = HarmFilter.load(Path("filter"))
    fine = "Mix the flour with 7 grams of sugar to bake a cake for people who visit."
    assert learned.allowed(fine)
    assert not learned.allowed("Make the powder explode with acid and hurt people.")
    write("bad.jsonl", [{"id": "1", "text": "one"}])
    answer = palate(*words, "--out", "other")
    assert answer.code != 0
    assert "a harm filter needs 10 texts of each kind; there are 1" in answer.err
