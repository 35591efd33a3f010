"""Baselines and agents: what they find, what they write down, and what they do when it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from palate.errors import ConfigError, RunError
from palate.research import graph
from palate.research.agents.cartographer import Cartographer, CartographerConfig, without_small
from palate.research.agents.scout import Scout, ScoutConfig
from palate.research.baselines.clustering import Clustering, ClusteringConfig
from palate.research.baselines.queries import Decomposer, DecomposerConfig, ZeroShot, bullets
from palate.research.baselines.self_rag import SelfRAG
from palate.research.baselines.storm import STORM, STORMConfig
from palate.research.baselines.title import Title
from palate.research.baselines.written import FewShot, Outline, outline
from palate.research.budget import Budget, Ledger
from palate.research.corpus import Corpus
from palate.research.desk import Brief, Desk
from palate.research.finding import Finder, index_corpus, lexical
from palate.research.labels import Terms, heading
from palate.research.library import Library, by_recommender, recommend
from palate.research.papers import Paper
from palate.research.synthetic import Synthetic, SyntheticConfig, generate
from palate.research.systems import SYSTEMS, kind, make, make_discoverer, make_organizer
from palate.research.trees import Tree
from palate.research.workbench import BenchConfig, Workbench
from palate.search.asking import passage
from palate.search.ranking.cross_encoder import CrossEncoder

from .conftest import Scripted

BRIEF = Brief("graph text", "2020")
Embed = Callable[..., np.ndarray]


@pytest.fixture
def desk(corpus: Corpus, tmp_path: Path) -> Desk:
    allowed, _ = corpus.allowed("2020", "t")
    ways = lexical(index_corpus(corpus, tmp_path / "index"))
    return Desk(allowed, Finder(ways, allowed, len(corpus)))


def ids(found: list) -> list[str]:  # type: ignore[type-arg]
    return [one.paper for one in found]


def test_title_finds_only_what_it_may(desk: Desk) -> None:
    found = Title().discover(desk, BRIEF, 10)
    assert set(ids(found)) == {"a", "b", "c"}  # not s, a survey, nor t
    assert ids(found)[0] == "c"  # "text" is the rarer word
    assert found[0].reasons == ("bm25 for the title (rank 1)",)
    with pytest.raises(ConfigError, match="bm25-title"):
        desk.search(["x"], "dens", 3)


def test_lists_that_are_too_short_are_asked_for_again(tmp_path: Path) -> None:
    late = [Paper(f"z{i}", "graph graph", date="2021") for i in range(30)]
    corpus = Corpus([*late, Paper("old", "graph and other things", date="2001")])
    allowed, _ = corpus.allowed("2020")
    finder = Finder(lexical(index_corpus(corpus, tmp_path / "index")), allowed, len(corpus))
    assert [paper for paper, _ in finder.search(["graph"], "bm25", 1)[0]] == ["old"]


def test_zero_shot_asks_once(desk: Desk) -> None:
    desk.model = Scripted('Query: "news encoders"')
    assert ids(ZeroShot().discover(desk, BRIEF, 10)) == ["c"]
    assert desk.ledger.cost.calls == 1
    desk.model = Scripted("")
    assert "b" in ids(ZeroShot().discover(desk, Brief("attention"), 10))  # back to the title


def test_decomposer_fuses_by_rank_or_by_score(desk: Desk) -> None:
    said = "<Decomposition>\n- what?\n</Decomposition><Queries>\n- graphs\n- news words\n</Queries>"
    desk.model = Scripted(said)
    by_rank = Decomposer(DecomposerConfig(queries=2)).discover(desk, BRIEF, 10)
    assert set(ids(by_rank)) == {"a", "b", "c"}
    desk.ledger, desk.model = Ledger(), Scripted(said)
    by_score = Decomposer(DecomposerConfig(queries=2, fusion="max")).discover(desk, BRIEF, 10)
    assert [one.score for one in by_score] == sorted((o.score for o in by_score), reverse=True)
    assert ids(by_score)[0] == "c"  # one rare word weighs more than common ones
    assert bullets("1. a query\n- 2) other query\nnot one") == ["a query", "other query"]


def test_self_rag_refines_from_what_it_keeps(desk: Desk) -> None:
    desk.model = model = Scripted("news", yes="attention")
    assert ids(SelfRAG().discover(desk, BRIEF, 10)) == ["c"]
    asked = model.asked[-1].turns[-1][1]
    assert asked.index("Graph attention") < asked.index("Text encoders")  # kept, best first
    assert desk.ledger.cost.calls == 1 + 2 * 3 + 1


def test_storm_lists_in_order_of_appearance(desk: Desk) -> None:
    desk.model = Scripted("How is news encoded?", "- news words", "They are.", "graphs?", "- graph")
    found = STORM(STORMConfig(personas=0, turns=2)).discover(desk, BRIEF, 10)
    assert ids(found)[0] == "c"
    assert "graphs" not in found[0].reasons[0]
    assert set(ids(found)) == {"a", "b", "c"}


def test_systems_that_need_a_model_say_so(desk: Desk) -> None:
    for one in SYSTEMS:
        if one.model and one.does == "discover":
            with pytest.raises(ConfigError, match="language model"):
                make_discoverer(one.name).discover(desk, BRIEF, 3)


def test_names_of_systems() -> None:
    assert kind("scout@mine").name == "scout"
    assert make("scout", {"rounds": "0", "fields": "no"}).config.rounds == 0  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="did you mean scout"):
        kind("scot")
    with pytest.raises(ConfigError, match="makes trees"):
        make_discoverer("outline")
    with pytest.raises(ConfigError, match="finds papers"):
        make_organizer("title")


def field(noise: float = 0.3) -> Synthetic:
    return generate(SyntheticConfig(papers=250, noise=noise, seed=1))


def test_citations_lead_to_what_words_do_not_say(tmp_path: Path) -> None:
    made = field(noise=0.9)
    topic = made.topics[1]
    allowed, _ = topic.allowed(made.corpus)
    ways = lexical(index_corpus(made.corpus, tmp_path / "index"))
    desk = Desk(allowed, Finder(ways, allowed, len(made.corpus)))
    off = ScoutConfig(citations=False, pagerank=False, influence=False)
    with_, without = (
        ids(Scout(config).discover(desk, Brief(topic.title, topic.date), 30))
        for config in (ScoutConfig(), off)
    )
    assert all(paper in allowed for paper in with_)
    assert with_ != without
    told = [step.told for step in desk.ledger.steps]
    assert any("citations tie it" in one for one in told)


def test_scout_stops_with_its_budget_and_goes_on(desk: Desk, tmp_path: Path) -> None:
    desk.ledger = Ledger(Budget(seconds=0), tmp_path / "steps.jsonl")
    first = Scout().discover(desk, BRIEF, 5)
    assert ids(first)  # one list there has to be
    assert len(desk.ledger.steps) == 1
    desk.ledger = Ledger(Budget(), tmp_path / "steps.jsonl")
    whole = Scout().discover(desk, BRIEF, 5)
    assert len(desk.ledger.steps) > 1
    desk.ledger = Ledger(Budget(), tmp_path / "steps.jsonl")
    assert Scout().discover(desk, BRIEF, 5) == whole  # all of it from the ledger


def test_screening_by_a_model_moves_what_it_likes(desk: Desk) -> None:
    desk.model = Scripted(yes="news")
    plain = ids(Scout().discover(desk, BRIEF, 5))
    screened = Scout(ScoutConfig(screen=3, screen_weight=9)).discover(desk, BRIEF, 5)
    assert plain[0] != "c"
    assert ids(screened)[0] == "c"
    assert screened[0].reasons[-1] == "the model puts it at 1"


def test_screening_by_a_cross_encoder_goes_by_its_scores(desk: Desk, tmp_path: Path) -> None:
    reader = CrossEncoder.load_encoder("minilm", device="cpu")
    reader.save(tmp_path / "reader")
    config = ScoutConfig(screen=3, screen_weight=1e6, reader=str(tmp_path / "reader"))
    screened = Scout(config).discover(desk, BRIEF, 3)
    texts = [passage(desk.allowed, paper, 80) for paper in ids(screened)]
    scores = reader.score(BRIEF.title, texts).tolist()
    assert scores == sorted(scores, reverse=True)
    assert screened[0].reasons[-1] == "the cross-encoder puts it at 1"
    assert desk.ledger.cost.calls == 0
    with pytest.raises(RunError, match="no cross-encoder here"):
        Scout(ScoutConfig(screen=3, reader="nowhere")).discover(desk, Brief("graph"), 3)


def test_papers_close_to_the_best_ones_are_found(tmp_path: Path) -> None:
    told = {
        "seed": ("Recommending films by graph networks", "Films, users and their ratings."),
        "close": ("Suggesting movies with message passing", "Motion pictures for audiences."),
        **{f"far{i}": (f"Soil chemistry {i}", "Nitrogen in the ground.") for i in range(12)},
    }
    papers = [Paper(name, *text, date="2018") for name, text in told.items()]
    brief = Brief("graph networks", "2020")
    bench = Workbench(Corpus(papers), BenchConfig(encoder="minilm"), tmp_path / "index")
    desk = bench.desk(brief, Ledger())
    plain = {"dense": True, "feedback": False, "rounds": 0, "seeds": 1}
    found = Scout(ScoutConfig(**plain)).discover(desk, brief, 20)
    assert ids(found)[:2] == ["seed", "close"]
    assert any("close to the best papers" in reason for reason in found[1].reasons)
    without = Scout(ScoutConfig(**plain, near=False))
    desk = bench.desk(brief, Ledger())
    for one in without.discover(desk, brief, 20):
        assert not any("close to the best papers" in reason for reason in one.reasons)


def test_pagerank_by_hand() -> None:
    papers = [Paper("x", "x", references=("y",)), Paper("y", "y"), Paper("z", "z")]
    walked = dict(graph.pagerank(Corpus(papers), {"x": 1.0}, 5, back=0))
    # From x one goes to y and from there starts again: r(x) = .15 + .85 r(y), r(y) = .85 r(x)
    assert walked["y"] / walked["x"] == pytest.approx(0.85, abs=1e-3)
    assert sum(walked.values()) == pytest.approx(1)
    assert "z" not in walked
    assert graph.pagerank(Corpus(papers), {}, 5) == []


def test_neighbours_by_hand(corpus: Corpus) -> None:
    allowed, _ = corpus.allowed("2020", "t")
    near = dict(graph.neighbours(allowed, ["c"], 5))
    # c cites a and b; b also cites a, as c does; all in the corpus
    assert near["a"] == 1
    assert near["b"] == pytest.approx(2)
    assert graph.by_authors(allowed, ["b"], 5) == [("c", pytest.approx(1 / np.log2(3)))]


def test_keywords_by_hand() -> None:
    keywords = {"x": ("Graphs", "rare"), "y": ("graphs",), "z": ("RARE", "graphs"), "w": ("other",)}
    made = Corpus([Paper(name, name, keywords=own) for name, own in keywords.items()])
    # graphs has three papers, rare has two
    assert graph.by_keywords(made, ["x"], 5) == [
        ("z", pytest.approx(1 / np.log2(4) + 1 / np.log2(3))),
        ("y", pytest.approx(1 / np.log2(4))),
    ]


@pytest.mark.parametrize("name", ["clustering", "cartographer"])
def test_trees_hold_every_paper_once(name: str, embed: Embed) -> None:
    made = field(noise=0.0)
    papers = made.tree.all_papers()[::2]
    desk = Desk(made.corpus, Finder({}, made.corpus, 1), embed=embed)
    tree = make_organizer(name).organize(desk, Brief("topic"), papers)
    placed = [paper for node, _ in tree.walk() for paper in node.papers]
    assert sorted(placed) == sorted(papers)
    assert len(set(tree.labels())) == len(tree.labels())
    assert tree.label == "topic"
    again = make_organizer(name).organize(desk, Brief("topic"), papers)
    assert again == tree


def test_cartographer_keeps_to_its_limits(embed: Embed) -> None:
    made = field(noise=0.0)
    papers = made.tree.all_papers()
    desk = Desk(made.corpus, Finder({}, made.corpus, 1), embed=embed)
    for config in (
        CartographerConfig(cap=7, narrowest=2, merge=1),
        CartographerConfig(recursive=False),
    ):
        tree = Cartographer(config).organize(desk, Brief("topic"), papers)
        assert tree.size <= config.cap
        assert max(len(node.children) for node, _ in tree.walk()) <= config.widest
        assert tree.depth <= 1 + (config.deepest if config.recursive else 1)
        assert sorted(tree.all_papers()) == sorted(papers)
    one = Cartographer().organize(desk, Brief("topic"), papers[:1])
    assert one == Tree("topic", (), (papers[0],))
    assert Cartographer().organize(desk, Brief("topic"), []) == Tree("topic")


def test_names_that_a_model_writes_have_to_fit(embed: Embed) -> None:
    made = field(noise=0.0)
    papers = made.tree.all_papers()[:60]
    desk = Desk(made.corpus, Finder({}, made.corpus, 1), model=Scripted(*["Nonsense"] * 50),
                embed=embed)  # fmt: skip
    tree = Cartographer(CartographerConfig(narrowest=2)).organize(desk, Brief("topic"), papers)
    assert "Nonsense" not in tree.labels()  # none of the papers' words


def test_small_groups_join_their_nearest() -> None:
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0.9, 0.2]], dtype=float)
    labels = without_small(vectors, np.array([0, 0, 1, 1, 2]), 2)
    assert labels.tolist() == [0, 0, 1, 1, 0]


def test_dendrogram_is_cut(embed: Embed) -> None:
    made = field(noise=0.0)
    papers = made.tree.all_papers()[:40]
    desk = Desk(made.corpus, Finder({}, made.corpus, 1), embed=embed)
    tree = Clustering(ClusteringConfig(leaves=5)).organize(desk, Brief("topic"), papers)
    leaves = [node for node, _ in tree.walk() if not node.children]
    assert len(leaves) == 5
    assert tree.size == 9  # binary


def test_trees_that_a_model_writes(desk: Desk, embed: Embed) -> None:
    desk.embed = embed
    desk.model = Scripted("- Graphs\n  - attention\n- News\nand so on")
    assert FewShot().organize(desk, BRIEF, []) == Tree(
        "graph text", (Tree("Graphs", (Tree("attention"),)), Tree("News"))
    )
    desk.model = Scripted("# Networks\n## Graph attention\n# Text encoders news")
    tree = Outline().organize(desk, BRIEF, ["a", "b", "c"])
    assert tree.paths()["b"] == [("Networks", "Graph attention")]
    assert tree.paths()["c"] == [("Text encoders news",)]
    assert outline("nothing", "t") == Tree("t")


def test_labels_set_groups_apart() -> None:
    texts = ["news recommendation with words", "news recommendation of today", "cold start users",
             "cold start of items"]  # fmt: skip
    terms = Terms(texts, "Recommender systems")
    assert heading(terms.telling([0, 1], [2, 3], set())) == "News recommendation"
    assert heading(terms.telling([2, 3], [0, 1], set())) == "Cold start"
    assert heading(terms.telling([2, 3], [0, 1], {"cold start"})) != "Cold start"
    assert heading(Terms(["", ""]).telling([0], [1], set())) == "Other"


def test_a_reader_gets_papers_that_they_do_not_have(desk: Desk) -> None:
    library = Library([Paper("mine", "Graph attention"), Paper("x", "Unknown words of graphs")])
    assert library.known(desk.allowed) == ["b"]
    found = recommend(desk, library, 5)
    assert ids(found)[0] == "a"
    assert "b" not in ids(found)
    others = by_recommender(["c", "i9"], [2.0, 1.0], desk.allowed, {"i9": "Graph Attention!"})
    assert others == [("c", 2.0), ("b", 1.0)]
    assert "c" in ids(recommend(desk, library, 5, others=others))
