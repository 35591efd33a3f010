"""Every format, as published and with what goes wrong in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from palate.errors import DataError
from palate.research.readers import (
    bibtex,
    json_lines,
    markdown,
    read_corpus,
    screening_csv,
    survey_rows,
    trec,
)
from palate.research.tasks import INFLUENTIAL, RELEVANT
from palate.research.trees import Tree, from_json, from_typology, read_tree

ROW = {
    "id": 7,
    "title": "Self-supervised learning",
    "publicationDate": "2022-05-29",
    "referenceCount": "3",
    "references": {"influential": [1], "relevant": [1, 2, 3]},
    "typology": json.dumps(
        {
            "Pretext": {"Image": {"Examples": "(e.g., jigsaw)", "Rotation": None}, "Video": None},
            "Contrastive": ["SimCLR", "(i.e., others)"],
        }
    ),
}


def test_survey_rows(tmp_path: Path) -> None:
    path = tmp_path / "survey.jsonl"
    bare = {"title": "Only a list", "references": ["x", "y"], "typology": None}
    path.write_text(json.dumps(ROW) + "\n\n" + json.dumps(bare) + "\n")
    first, second = survey_rows.read(path)
    assert (first.id, first.date) == ("7", "2022-05-29")
    assert first.grades == {"1": INFLUENTIAL, "2": RELEVANT, "3": RELEVANT}
    assert first.tree == Tree(
        "Self-supervised learning",  # several roots: the topic above them
        (
            Tree("Pretext", (Tree("Image", (Tree("Rotation"),)), Tree("Video"))),
            Tree("Contrastive", (Tree("SimCLR"),)),
        ),
    )
    assert second.tree is None
    assert second.grades == {"x": RELEVANT, "y": RELEVANT}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"title": ""}, "row 1: no 'title'"),
        ({"title": "t", "typology": "{"}, "holds no JSON"),
        ({"title": "t", "typology": "3"}, "neither an object"),
        ({"title": "t", "references": {"best": []}}, "not 'best'"),
    ],
)
def test_bad_survey_rows(tmp_path: Path, row: dict[str, object], message: str) -> None:
    path = tmp_path / "survey.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match=message):
        survey_rows.read(path)


def test_no_influential_references() -> None:
    topic = survey_rows.topic({"title": "t", "references": {"influential": [], "relevant": [4]}})
    assert topic.grades == {"4": RELEVANT}


def test_one_root_is_the_root() -> None:
    assert from_typology({"Field": {"A": None}}, "topic") == Tree("Field", (Tree("A"),))
    assert from_typology({}, "topic") == Tree("topic")


def test_trees_go_out_and_in(tmp_path: Path) -> None:
    tree = Tree("r", (Tree("a", (), ("1", "2")), Tree("b", (Tree("c", (), ("2",)),))))
    assert from_json(tree.as_json()) == tree
    assert tree.size == 4
    assert tree.depth == 3
    assert tree.labels() == ["a", "b", "c"]
    assert tree.paths() == {"1": [("a",)], "2": [("a",), ("b", "c")]}
    assert tree.groups(["1", "2", "9"])[2] == -1
    path = tmp_path / "tree.json"
    path.write_text(json.dumps({"r": {"a": None}}))
    assert read_tree(path) == Tree("r", (Tree("a"),))
    path.write_text("[")
    with pytest.raises(DataError, match="no JSON"):
        read_tree(path)
    with pytest.raises(DataError, match="'label'"):
        from_json({"label": "a", "children": [3]})


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    path.write_text(
        '{"_id": 3, "title": "T", "year": "2020", "authors": "A, B and C, D", "venue": "X",'
        ' "keywords": "Cold start; Graphs"}\n'
        '{"doi": "10.1/x", "title": "U", "authors": [{"name": "E"}], "references": [{"id": 3}]}\n'
    )
    first, second = json_lines.read(path)
    assert (first.id, first.date, first.authors) == ("3", "2020", ("A, B", "C, D"))
    assert first.extra == {"venue": "X"}
    assert (first.keywords, second.keywords) == (("Cold start", "Graphs"), ())
    assert (second.id, second.authors, second.references) == ("10.1/x", ("E",), ("3",))
    path.write_text('{"id": 1, "title": "T"}\n{"id": 2}\n')
    with pytest.raises(DataError, match=r"row 2: no 'title'"):
        json_lines.read(path)


def test_screening(tmp_path: Path) -> None:
    path = tmp_path / "review.csv"
    path.write_text('record_id,title,abstract,label_included\n1,"A, b","Two\nlines",1\n2,,x,0\n')
    review = screening_csv.read(path)
    assert review.included.tolist() == [True, False]
    assert review.papers[0].abstract == "Two\nlines"
    path.write_text("title,label_included\nA,perhaps\n")
    with pytest.raises(DataError, match=r"row 2, column 'label_included': 'perhaps'"):
        screening_csv.read(path)
    path.write_text("title,kept\nA,1\n")
    with pytest.raises(DataError, match="--label"):
        screening_csv.read(path)
    assert screening_csv.read(path, "kept").included.tolist() == [True]


LIST = """# Awesome Things [![badge](b.svg)](x)
- [Contents](#contents)
## 1. Methods
### Graphs
- [Graph Networks for Items](https://arxiv.org/abs/1905.01234), WWW 2019. [[code](https://x.y)]
- **Attention over Graphs**, Ada. 2018. [[pdf]](https://doi.org/10.1145/1234.5678)
### Text
* "Reading News with Words" (2017) [paper](http://a.b/c.pdf)
- see also the wiki
```
- [Not a Paper at All](http://x.y)
```
## Data
| **Name** | **Paper** | **Publication** | **Link** |
|:---:|:---|:---:|:---:|
| X | A Large Set of Logs | KDD 2021 | [[Link]](https://arxiv.org/abs/2101.00001v2) |
| Y | Graph Networks for Items | | [[Link]](https://arxiv.org/pdf/1905.01234) |
## Empty
"""


def test_markdown_lists_and_tables(tmp_path: Path) -> None:
    path = tmp_path / "readme.md"
    path.write_text(LIST)
    found = markdown.read(path)
    assert [(p.id, p.title, p.date) for p in found.papers] == [
        ("arxiv:1905.01234", "Graph Networks for Items", "2019-05"),
        ("10.1145/1234.5678", "Attention over Graphs", "2018"),
        ("title:reading-news-with-words", "Reading News with Words", "2017"),
        ("arxiv:2101.00001", "A Large Set of Logs", "2021-01"),
    ]
    methods, data = found.tree.children
    assert found.tree.label == "Awesome Things"
    assert [child.label for child in methods.children] == ["Graphs", "Text"]
    assert methods.children[0].papers == ("arxiv:1905.01234", "10.1145/1234.5678")
    assert (data.label, data.papers) == ("Data", ("arxiv:2101.00001", "arxiv:1905.01234"))


def test_numbers_tell_the_level_of_headings_without_hashes(tmp_path: Path) -> None:
    path = tmp_path / "list.md"
    path.write_text(
        "## 1. Papers\n<details><summary><b>1.1 Features</b></summary>\n<b>1.1.1 Items</b>\n"
        "- [One of the papers](http://a/1)\n<b>1.1.2 Users</b>\n- [Another of them](http://a/2)\n"
        "<details><summary><b>1.2 Encoders</b></summary>\n- [A third of them](http://a/3)\n"
    )
    (papers,) = markdown.read(path, "topic").tree.children
    features, encoders = papers.children
    assert (features.label, encoders.label) == ("Features", "Encoders")
    assert [child.label for child in features.children] == ["Items", "Users"]


def test_a_text_without_papers(tmp_path: Path) -> None:
    path = tmp_path / "readme.md"
    path.write_text("# Title\nSome words.\n- a point\n")
    with pytest.raises(DataError, match="names a paper"):
        markdown.read(path)


BIB = r"""
@comment{nothing}
@string{acm = "ACM"}
@inproceedings{gallina:2020,
  author = {Gallina, Ygor and Daille, B\'{e}atrice and {M}{\"u}ller, J.},
  title = "Large-Scale {E}valuation of {K}eyphrase {E}xtraction",
  year = 2020, month = jun,
  publisher = acm # { Press},
  doi = {10.1145/3383583.3398517}
}
@article(two, title={A = b, and \& c}, year={2019}, keywords={one; two three})
@misc{gallina:2020, title={Same key}}
@misc{none, year={2000}}
"""


def test_bibtex(tmp_path: Path) -> None:
    path = tmp_path / "mine.bib"
    path.write_text(BIB)
    first, second, third = bibtex.read(path)
    assert first.title == "Large-Scale Evaluation of Keyphrase Extraction"
    assert first.authors == ("Gallina, Ygor", "Daille, Béatrice", "Müller, J.")
    assert (first.date, first.extra["doi"]) == ("2020-06", "10.1145/3383583.3398517")
    assert (second.id, second.title) == ("two", "A = b, and & c")
    assert (first.keywords, second.keywords) == ((), ("one", "two three"))
    assert third.id == "gallina:2020-2"
    path.write_text("\n\n@article{x, title={never closed}")
    with pytest.raises(DataError, match="row 3: the entry @article is not closed"):
        bibtex.read(path)


def test_runs(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    path.write_text(trec.run_lines({"q 1": [("a", 2.0), ("b c", 1.5)]}, "my run"))
    assert path.read_text().splitlines()[1] == "q_1 Q0 b_c 2 1.5 my_run"
    assert trec.read_run(path) == {"q_1": ["a", "b_c"]}
    path.write_text("q Q0 a 2 0.5 x\nq Q0 b 1 0.5 x\nq Q0 c 3 0.9 x\n")
    assert trec.read_run(path) == {"q": ["c", "b", "a"]}
    for text, message in [
        ("q Q0 a 1 x\n", "row 1: 5 columns"),
        ("q Q0 a one 1 x\n", "is no number"),
        ("q Q0 a 1 nan x\n", "not a number"),
        ("q Q0 a 1 2 x\nq Q0 a 2 1 x\n", "twice"),
    ]:
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            trec.read_run(path)


def test_folders_of_papers(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "title": "One"}\n')
    (tmp_path / "b.bib").write_text("@misc{two, title={Two}}")
    (tmp_path / "notes.txt").write_text("nothing")
    assert read_corpus(tmp_path).ids == ["1", "two"]
    (tmp_path / "c.jsonl").write_text('{"id": "1", "title": "Again"}\n')
    with pytest.raises(DataError, match="earlier one"):
        read_corpus(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        read_corpus(tmp_path / "nowhere")


def test_the_real_files(shared_data: Path) -> None:
    listed = markdown.read(shared_data / "llm4rec-survey/README.source.md")
    assert len(listed.papers) > 600
    sections = next(child for child in listed.tree.children if child.label == "Papers").children
    assert [section.label for section in sections][:2] == [
        "LLM for Feature Engineering",
        "LLM as Feature Encoder",
    ]
    folder = shared_data / "systematic-reviews"
    review = screening_csv.read(folder / "kitchenham_2010_software_engineering.csv")
    assert (len(review.papers), int(review.included.sum())) == (1704, 45)
    topics = survey_rows.read(shared_data / "acm-cr/papers_with_references.dev.jsonl")
    assert len(topics) == 25
    assert all(topic.grades for topic in topics)
