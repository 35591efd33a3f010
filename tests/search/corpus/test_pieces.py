"""The pieces of a curation, each against values by hand or a law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.errors import DataError
from palate.search.corpus import balance
from palate.search.corpus.contamination import Contamination
from palate.search.corpus.duplicates import (
    DuplicateConfig,
    exact_groups,
    jaccard,
    near_groups,
    shingles,
)
from palate.search.corpus.heuristics import broken
from palate.search.corpus.languages import language
from palate.search.corpus.parse import domain, parse, parse_html
from palate.search.corpus.prior import PriorConfig, pagerank, prior, scaled, shrunk
from palate.search.documents import Document

PAGE = """<!doctype html><html><head><title>How  tea is made</title><style>p {}</style></head>
<body><nav><a href="/home">Home</a></nav>
<div><a href="/a">Share</a> <a href="/b">Like</a></div>
<h1>Tea</h1><p>Green tea is <b>not</b> oxidised; <a href="leaves.html#top">its leaves</a> are
steamed soon after they were picked, and dried.</p><script>var x = "<p>no</p>";</script>
<p>Caf\u0065\u0301 &amp; more.</p><footer>Imprint</footer></body></html>"""


def test_a_page_becomes_its_words_and_links():
    page = parse_html(PAGE)
    assert page.title == "How tea is made"
    assert page.text.splitlines() == [
        "Tea",
        "Green tea is not oxidised; its leaves are steamed soon after they were picked, and dried.",
        "Caf\u00e9 & more.",
    ]
    assert page.links == ("/home", "/a", "/b", "leaves.html#top") or "/home" not in page.links
    parsed = parse(Document("1", PAGE, fields={"url": "https://www.tea.org/x/"}))
    assert "https://www.tea.org/x/leaves.html" in parsed.fields["links"]
    assert domain(parsed) == "tea.org"


@pytest.mark.parametrize("broken_page", ["<p>open <b", "<div><a>x", "</p></p>", "<p>&#xZZ;</p>"])
def test_broken_pages_are_read(broken_page):
    assert isinstance(parse_html(broken_page).text, str)


def test_languages():
    assert language("The cat sat on the mat and looked at the people in the street.")[0] == "en"
    assert language("Die Katze sitzt auf der Matte und sieht den Leuten zu.")[0] == "de"
    assert language("Le chat est assis sur le tapis et regarde les gens.")[0] == "fr"
    assert language("12 34 56") == ("und", 0.0)


def test_equal_words_are_exact_duplicates():
    groups = exact_groups(["One two.", "one  TWO", "two one", "Ｏｎｅ two"])
    assert groups == [[0, 1, 3], [2]]


def _texts(seed, count, words=120):
    random = np.random.default_rng(seed)
    vocabulary = [f"w{i}" for i in range(3000)]
    return [" ".join(random.choice(vocabulary, words)) for _ in range(count)]


def test_planted_near_duplicates_are_found_and_nothing_else():
    random = np.random.default_rng(1)
    originals = _texts(0, 60)
    copies = []
    for text in originals[:30]:
        words = text.split()
        for place in random.choice(len(words), 3, replace=False):  # at most 15 of 116 shingles
            words[place] = "changed"
        copies.append(" ".join(words))
    groups = [group for group in near_groups([*originals, *copies]) if len(group) > 1]
    wanted = {(i, 60 + i) for i in range(30)}
    truly = {
        pair for pair in wanted
        if jaccard(shingles(originals[pair[0]]), shingles(copies[pair[0]])) >= 0.7
    }  # fmt: skip
    found = {tuple(group) for group in groups}
    assert found <= wanted
    assert len(found & truly) / len(truly) >= 0.9  # by the bands' curve
    assert len(truly) > 20


def test_likeness_is_measured_and_not_believed():
    a, b = _texts(3, 2, 60)
    half = " ".join([*a.split()[:30], *b.split()[30:]])
    everything = DuplicateConfig(bands=112, rows=1)  # everything is a candidate
    assert near_groups([a, half], everything) == [[0], [1]]
    assert near_groups([a, half], DuplicateConfig(bands=112, rows=1, alike=0.2)) == [[0, 1]]


def test_near_duplicates_are_joined_through_a_third():
    (text,) = _texts(5, 1, 100)
    words = text.split()
    # The first and last share too little, the middle one is near both.
    chain = [" ".join(words[i : i + 80]) for i in (0, 10, 20)]
    config = DuplicateConfig(bands=112, rows=1, alike=0.75)
    assert jaccard(shingles(chain[0]), shingles(chain[2])) < 0.75
    assert near_groups(chain, config) == [[0, 1, 2]]


GOOD = (
    "The river rises in the hills and runs to the sea. Farmers that live near it have built "
    "small dams, with which they lead the water to their fields in summer. "
) * 3


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (GOOD, None),
        ("too short to be of use", "too few words"),
        ("a b c d e " * 20, "length of words"),
        (GOOD + " # # # # # # # # # # #" * 2, "symbols"),
        ("12345 67890 " * 40 + GOOD, "words without letters"),
        ("zebra lion tiger monkey " * 20, "common words"),
        ("\n".join(["- the dog and the cat have run to the house"] * 1 + [
            f"- number {i} of the lines that have words" for i in range(20)]), "bullets"),
        ("\n".join(f"the line {i} of words that have no end..." for i in range(12)), "symbols"),
        ("\n".join(["the same line of words that have to be read"] * 10), "repeated lines"),
    ],
)  # fmt: skip
def test_rules(text, rule):
    found = broken(text)
    assert (rule in found) if rule else not found


def test_common_words_are_asked_of_english_alone():
    german = "Der Hund und die Katze laufen zusammen durch den Garten und spielen dort. " * 6
    assert broken(german, language="de") == []
    assert broken(german) == ["common words"]


def test_pagerank_of_a_small_web_by_hand():
    # a -> b, b -> a and c, c dangling: solved as a linear system.
    links = [[1], [0, 2], []]
    n, d = 3, 0.85
    moves = np.array([[0, 0.5, 1 / 3], [1, 0, 1 / 3], [0, 0.5, 1 / 3]])
    wanted = np.linalg.solve(np.eye(n) - d * moves, np.full(n, (1 - d) / n))
    assert pagerank(links) == pytest.approx(wanted, abs=1e-7)
    assert pagerank([[1, 1, 1], [0]]) == pytest.approx([0.5, 0.5])
    assert pagerank([[], []]) == pytest.approx([0.5, 0.5])
    assert len(pagerank([])) == 0


@given(st.lists(st.lists(st.integers(0, 7), max_size=8), min_size=8, max_size=8))
def test_pagerank_is_a_distribution(links):
    rank = pagerank(links)
    assert rank.sum() == pytest.approx(1)
    assert rank.min() > 0.15 / 8 - 1e-9


def test_shrunk_shares_and_the_prior():
    found = shrunk(np.array([1.0, 0.0, 9.0]), np.array([1.0, 0.0, 9.0]))
    assert found == pytest.approx([1, 1, 1])
    found = shrunk(np.array([1.0, 1.0]), np.array([1.0, 3.0]))  # mean .5
    assert found == pytest.approx([3.5 / 6, 3.5 / 8])
    total = prior({"satisfied": np.array([0.0, 1.0]), "spam": np.array([0.0, 5.0])})
    assert total == pytest.approx([0, 0])  # as good as it is bad
    once = prior({"classifier": np.array([1.0, 3.0])}, PriorConfig(classifier=2))
    assert once == pytest.approx([-2, 2])
    assert scaled(np.ones(3)).tolist() == [0, 0, 0]
    with pytest.raises(DataError, match="needs links"):
        prior({"pagerank": None})


COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 400), min_size=1)


@given(COUNTS, st.integers(0, 900), st.floats(0, 1))
@settings(deadline=None)
def test_quotas_keep_to_the_budget_and_to_what_there_is(counts, budget, alpha):
    found = balance.quotas(counts, budget, alpha)
    assert sum(found.values()) == min(budget, sum(counts.values()))
    assert all(0 <= found[name] <= counts[name] for name in counts)


def test_shares_by_hand():
    assert balance.shares({"a": 900, "b": 100}, 0.5) == pytest.approx({"a": 0.75, "b": 0.25})
    assert balance.quotas({"a": 900, "b": 100}, 200) == {"a": 150, "b": 50}
    assert balance.quotas({"a": 900, "b": 16, "c": 9}, 500, 0.0) == {"a": 475, "b": 16, "c": 9}
    found = balance.weights({"a": 900, "b": 100})
    assert found["b"] > 1 > found["a"]
    assert 900 * found["a"] + 100 * found["b"] == pytest.approx(1000)


def test_importance_prefers_the_target():
    raw = [f"stock market price share {i}" for i in range(20)]
    target = [f"cell protein gene {i}" for i in range(20)]
    found = balance.importance(["gene of a cell", "price of a share"], target, [*raw, *target])
    assert found[0] > found[1]
    drawn = balance.gumbel_top(np.array([0.0, 50.0, 0.0, 50.0]), 2)
    assert drawn == [1, 3]


def test_a_run_of_words_from_a_test_is_found():
    question = "Which of the rivers that run through the city of Basel is the longest one"
    looked_for = Contamination({"geography": [question, "too short"]})
    assert looked_for.too_short == {"geography": 1}
    assert looked_for.found(f"A quiz: {question.upper()}, is it not?") == "geography"
    words = question.split()
    assert looked_for.found(" ".join(words[:12])) is None  # 12 in a row are not enough
    assert looked_for.found(" ".join(words[:13])) == "geography"
    shorter = Contamination({"claims": ["A claim of no more than nine words is here"]})
    assert shorter.found("They say: a claim of no more than nine words is here.") == "claims"
