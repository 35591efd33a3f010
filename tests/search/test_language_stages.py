"""Language models in pipelines, by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from palate.errors import ConfigError
from palate.search.documents import Document
from palate.search.index import SearchIndex
from palate.search.language_stages import RareWords, shared_chat, statistics
from palate.search.query.rewriters import Query2Doc, Query2DocConfig
from palate.search.results import Query
from palate.search.stages import STAGES, load, pipeline

from .shelf import SHELF


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    made = SearchIndex.create(tmp_path_factory.mktemp("index") / "shelf")
    made.add(Document(name, text, title) for name, (title, text) in SHELF.items())
    return made


@pytest.mark.parametrize("kind", [one for one in STAGES if "language_stages" in one.target])
def test_every_stage_is_what_it_says(kind) -> None:  # type: ignore[no-untyped-def]
    built = load(kind)
    assert built.kind in {"rewriter", "reranker"}
    told = {name: field.description for name, field in built.Config.model_fields.items()}
    assert all(told.values()), told
    assert not kind.main or kind.main in told


def test_a_small_model_in_a_pipeline(
    index: SearchIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path
) -> None:
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path))  # replies of a model that knows nothing
    written = (
        f"correct > query2doc:{tiny_model} (gate=none) > bm25 > qlm:{tiny_model} "
        f"> yesno:{tiny_model} (depth=2)"
    )
    line = pipeline(index, written.replace(" (", "("))
    assert line.stages == ["correct", "query2doc", "bm25", "rrf", "qlm", "yesno"]
    (found,) = line.retrieve([Query("1", "honey beess dance")], 5)
    stages = [one.stage for one in found.hits[0].provenance]
    assert stages[-2:] == ["qlm", "yesno"]
    assert "bm25" in stages
    assert found.cost["calls"] == 1 + 2 * len(found)
    (again,) = line.retrieve([Query("1", "honey beess dance")], 5)
    assert again.documents == found.documents
    assert again.cost["calls"] == 0  # all replies were kept
    assert shared_chat(line.rerankers[0].config) is shared_chat(line.rerankers[1].config)  # type: ignore[attr-defined]


def test_correction_finds_what_the_typed_word_does_not(index: SearchIndex) -> None:
    (typed,) = pipeline(index, "bm25").retrieve([Query("1", "bowlnie")], 3)
    assert typed.documents == []
    (found,) = pipeline(index, "correct > bm25").retrieve([Query("1", "bowlnie")], 3)
    assert found.documents == ["knots"]
    assert "correct: bowline" in found.hits[0].provenance[0].note


def test_rare_words_make_a_query_easy(index: SearchIndex) -> None:
    queries = [Query("1", "bowline"), Query("2", "water"), Query("3", "nowhere")]
    assert RareWords(index, 1).hard(queries) == [False, True, True]
    assert RareWords(index, 5).hard(queries) == [False, False, True]
    assert statistics(index).documents == len(SHELF)
    assert statistics(index) is statistics(index)


def test_an_easy_query_costs_nothing(index: SearchIndex) -> None:
    class Refuses:
        name = identity = "refuses"

        def ask(self, questions: list) -> list:
            assert not questions
            return []

    rewriter = Query2Doc(Refuses(), Query2DocConfig(), RareWords(index, 5))
    (found,) = rewriter.rewrite([Query("1", "bowline")])
    assert len(found.texts) == 1


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("bm25 > listwise(window=5, step=9)", "step 9 passes over"),
        ("bm25 > yesno(depth=0)", "depth"),
        ("bm25 > query2doc", "query2doc"),
        ("bm25 > lambdamart:/nowhere", "no lambdamart"),
    ],
)
def test_what_cannot_be_is_said(index: SearchIndex, written: str, told: str) -> None:
    with pytest.raises(Exception, match=told) as error:
        pipeline(index, written).retrieve([Query("1", "tea")], 3)
    assert "Error" in type(error.value).__name__
    assert isinstance(error.value, ConfigError) or "lambdamart" in written
