"""Quality models, and the funnel as a whole."""

import numpy as np
import pytest
from tests.search.recorded_for_llm import small

from palate.errors import DataError, RunError
from palate.search.corpus.curate import CurateConfig, curate
from palate.search.corpus.quality import GradedQuality, NgramClassifier, grades
from palate.search.documents import Document
from palate.search.similarity import term_vectors

THINGS = "pills watches shoes bags phones loans tickets diets lamps tyres"
NATURE = "tides winds clouds storms glaciers rivers deserts corals forests lakes"
SPAM = [
    f"Buy cheap {thing} now! Best price {thing} online, free shipping, click here to order {thing} "
    "today and save big, limited offer for the best customers."
    for thing in THINGS.split()
]
PROSE = [
    f"The study of {thing} began when people that lived near the sea noticed how it changes with "
    f"the seasons. To explain {thing}, one has to look at the forces that act on it and at their "
    "history, which is written in the rocks and in the ice of the poles."
    for thing in NATURE.split()
]


def test_a_classifier_tells_planted_spam_and_is_kept_without_pickle(tmp_path):
    learned = NgramClassifier().fit(PROSE[:6], SPAM[:6])
    scores = learned.score([*PROSE[6:], *SPAM[6:]])
    assert scores[:4].min() > scores[4:].max()  # an AUC of 1
    learned.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "quality.json",
        "quality.safetensors",
    ]
    again = NgramClassifier.load(tmp_path).score([*PROSE[6:], *SPAM[6:]])
    assert again == pytest.approx(scores)
    with pytest.raises(RunError, match="no classifier here"):
        NgramClassifier.load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="both kinds"):
        NgramClassifier().fit(PROSE, [])
    with pytest.raises(RunError, match="has not learned"):
        NgramClassifier().score(["x"])


def test_a_ridge_foretells_grades():
    texts = [*PROSE, *SPAM]
    vectors = term_vectors(lambda text: text.lower().split())(texts)
    known = dict(zip(texts, vectors, strict=True))
    model = GradedQuality(lambda some: np.array([known[text] for text in some]))
    model.fit([*PROSE[:7], *SPAM[:7]], [4.0] * 7 + [1.0] * 7)
    found = model.score([*PROSE[7:], *SPAM[7:]])
    assert found[:3].min() > 3 > 2 > found[3:].max()


def test_a_language_model_grades_texts():
    found = grades(small(), [PROSE[0], SPAM[0]], words=40)
    assert found.shape == (2,)
    assert ((found >= 0) & (found <= 5)).all()


def _collection():
    pages = []
    for i, (prose, spam) in enumerate(zip(PROSE, SPAM, strict=True)):
        pages.append(Document(f"good-{i}", prose, fields={"url": f"https://sea.org/{i}"}))
        pages.append(Document(f"spam-{i}", spam, fields={"url": f"https://shop.com/{i}"}))
    pages.append(Document("copy", PROSE[0].upper(), fields={"domain": "mirror"}))
    pages.append(Document("near", PROSE[1] + " Indeed.", fields={"domain": "mirror"}))
    pages.append(
        Document(
            "german",
            "Das Meer steigt und sinkt mit dem Mond, und niemand weiß "
            "genau, warum die Menschen das so lange nicht erklären konnten. " * 3,
        )
    )
    pages.append(
        Document(
            "test",
            PROSE[2].replace("history", "past") + " What is asked in the "
            "exam is how many moons the planet has and which of them is the "
            "largest one of all. " + SPAM[0].replace("pills", "rocks"),
        )
    )
    pages.append(Document("empty", "<html><body><script>x</script></body></html>"))
    return pages  # fmt: skip


def test_the_funnel_counts_what_it_drops():
    learned = NgramClassifier().fit(PROSE[:5], SPAM[:5])
    config = CurateConfig(keep_best=0.5, heuristics={"fewest_words": 20})
    question = "how many moons the planet has and which of them is the largest one of all"
    found = curate(_collection(), config, tests={"moons": [question]}, quality=learned.score)
    assert [step.name for step in found.funnel] == [
        "read", "parse", "language", "exact duplicates", "near duplicates", "rules of thumb",
        "quality", "in a test", "balance",
    ]  # fmt: skip
    for earlier, later in zip(found.funnel, found.funnel[1:], strict=False):
        assert later.before == earlier.after
        assert later.before - later.after == sum(later.reasons.values())
    assert len(found.documents) + len(found.dropped) == 25
    assert found.dropped["copy"] == "exact duplicates: duplicate"
    assert found.dropped["german"] == "language: de"
    assert found.dropped["empty"] == "parse: no text"
    # Of the near duplicates the better one stays, and that is the longer one here.
    assert {"near", "good-1"} & set(found.dropped) != {"near", "good-1"}
    left = [document.id for document in found.documents]
    assert not any(one.startswith("spam") for one in left)
    assert found.dropped.get("test", "").startswith(("in a test: moons", "quality"))
    assert all(document.fields["language"] == "en" for document in found.documents)


def test_what_is_in_a_test_goes_and_domains_are_balanced():
    pages = [Document(f"a{i}", f"{PROSE[i]} a", fields={"domain": "a"}) for i in range(10)]
    pages += [Document(f"b{i}", f"{SPAM[i]} of and to", fields={"domain": "b"}) for i in range(2)]
    config = CurateConfig(
        budget=0.5, alpha=0.0, heuristics={"fewest_words": 20, "common": 0},
        duplicates={"alike": 1.0},
    )  # fmt: skip
    found = curate(pages, config, tests={"tides": [" ".join(PROSE[0].split()[:13])]})
    assert found.dropped["a0"] == "in a test: tides"
    sizes = {name: after for name, (_, after) in found.domains.items()}
    assert sizes == {"a": 4, "b": 2}
    weighed = curate(pages, config.model_copy(update={"budget": None, "alpha": 0.5}))
    by_domain = {d.fields["domain"]: d.fields["weight"] for d in weighed.documents}
    assert by_domain["b"] > 1 > by_domain["a"]


def test_links_and_clicks_make_a_prior_that_keeps_the_better_copy():
    pages = [
        Document("poor", PROSE[0] + " End.", fields={"shown": 50, "satisfied": 0}),
        Document("rich", PROSE[0] + " Over.", fields={"shown": 50, "satisfied": 40}),
        Document("other", PROSE[3], fields={"links": ["rich"], "shown": 5, "satisfied": 1}),
    ]
    found = curate(pages, CurateConfig(heuristics={"fewest_words": 20}))
    assert found.dropped == {"poor": "near duplicates: duplicate"}
    quality = {d.id: d.fields["quality"] for d in found.documents}
    assert quality["rich"] > quality["other"]
