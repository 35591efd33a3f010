"""Agreement by hand values, and a judge that can be fooled is told."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from palate.search.judging.agreement import (
    ConstantRaterWarning,
    confusion,
    kappa,
    krippendorff,
    over_queries,
    system_agreement,
)
from palate.search.judging.judge import agreement, as_qrels, biases, stuff
from palate.search.ranking.annotate import (
    Annotator,
    AnnotatorConfig,
    Grade,
    histogram,
    most_disputed,
    parse_grade,
)
from palate.search.results import Hit, Query, Results

from ..grader import Grader, passage
from ..recorded import small
from ..shelf import SHELF, Shelf


def test_kappa_by_hand() -> None:
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert kappa(np.diag([5, 3, 2])) == kappa(np.diag([5, 3, 2]), "quadratic") == 1
    assert kappa(np.array([[0, 5], [5, 0]])) == -1
    near, far = np.eye(4) * 5, np.eye(4) * 5
    near[0, 1] = near[1, 0] = far[0, 3] = far[3, 0] = 2
    assert kappa(near, "quadratic") > kappa(far, "quadratic")
    with pytest.warns(ConstantRaterWarning, match="one grade alone"):
        assert kappa(np.array([[20, 5], [0, 0]])) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    a, b = zip(*pairs, strict=True)
    if len(set(a)) < 2 or len(set(b)) < 2:
        return
    table = confusion(a, b, 4)
    labels = list(range(4))
    assert kappa(table) == pytest.approx(cohen_kappa_score(a, b, labels=labels), abs=1e-9)
    assert kappa(table, "quadratic") == pytest.approx(
        cohen_kappa_score(a, b, labels=labels, weights="quadratic"), abs=1e-9
    )


def test_alpha_of_several_raters() -> None:
    nan = np.nan
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, example D.
    table = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ])  # fmt: skip
    assert krippendorff(table, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert krippendorff(table, "interval") == pytest.approx(0.849, abs=5e-4)
    with pytest.warns(ConstantRaterWarning):
        assert krippendorff(np.ones((2, 3))) == 0
    assert krippendorff(np.array([[1.0, nan], [nan, 2.0]])) == 0


def test_intervals_are_over_queries() -> None:
    values = {str(i): ([0, 1, 1, 0], [0, 1, 1, 0] if i % 2 else [1, 1, 0, 0]) for i in range(20)}
    low, high = over_queries(values, kappa, 2)
    assert 0 < low < kappa(sum(confusion(a, b, 2) for a, b in values.values())) < high < 1


def test_systems_are_ranked_alike_or_not() -> None:
    same = system_agreement([0.1, 0.2, 0.3], [0.2, 0.3, 0.4])
    assert (same.tau, same.spearman, same.largest_drop) == (1, 1, 0)
    other = system_agreement([0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.3, 0.05])
    pairs = itertools.combinations(range(4), 2)
    a, b = [0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.3, 0.05]
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in pairs]
    assert other.tau == pytest.approx(np.mean(signs))
    assert other.largest_drop == 3
    with pytest.warns(ConstantRaterWarning):
        assert system_agreement([1, 1], [1, 2]).tau == 0


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("2", 2), ("Grade: 3.", 3), ("M: 1, T: 2, O: 0", 0), ("I give it 7", None), ("", None),
        ("none", None), ("2.5", None), ("3/10", None), ("-1", 1), ("It is a 2", 2),
    ],
)  # fmt: skip
def test_the_last_number_is_the_grade(text: str, grade: int | None) -> None:
    assert parse_grade(text) == grade


PAIRS = [("which is best?", passage(grade)) for grade in (0, 1, 2, 3)]


def test_who_knows_the_grades_tells_them() -> None:
    for votes in (1, 3):
        annotator = Annotator(Grader(), AnnotatorConfig(votes=votes))
        assert [grade for grade, _, _ in annotator.grade_texts(PAIRS)] == [0, 1, 2, 3]
        assert annotator.cost["calls"] == 4 * votes
    better = Annotator(Grader()).prefer([("q", passage(3), passage(1)), ("q", *[passage(1)] * 2)])
    assert better == [1.0, 0.5]
    assert Annotator(Grader()).arrange([("q", [passage(1), passage(3), passage(2)])]) == [[1, 2, 0]]


def test_what_a_model_likes_anyway_is_taken_off() -> None:
    from palate.language.questions import Reply

    class Likes(Grader):
        """Likes 0 whatever it reads, and a little the grade that it reads."""

        def _reply(self, question):  # type: ignore[no-untyped-def]
            said = question.turns[-1][1]
            told = [int(word) for word in said.split('"""')[1].split() if word.strip(",").isdigit()]
            return Reply("", tuple(-float(i * 3) + (i in told) for i in range(4)), 1, 1)

    text = "it is a 2 to me"
    plain = Annotator(Likes()).grade_texts([("q", text)])
    fair = Annotator(Likes(), AnnotatorConfig(prior=True)).grade_texts([("q", text)])
    assert (plain[0][0], fair[0][0]) == (0, 2)


def test_no_grade_is_not_grade_zero() -> None:
    from palate.language.questions import Reply

    class Mute(Grader):
        def _reply(self, question):  # type: ignore[no-untyped-def]
            return Reply("I cannot say", (), 3, 3)

    mute = Mute()
    found = Annotator(mute, AnnotatorConfig(read="text")).grade_texts(PAIRS[:1])
    assert found[0][0] is None
    assert mute.calls == 2  # asked once more
    assert as_qrels([Grade("q", "d", None, np.nan, 0.0), Grade("q", "e", 1, 1.0, 1.0)]) == {
        "q": {"e": 1}
    }
    assert histogram([Grade("q", "d", None, np.nan, 0.0)])["missing"] == 1


def test_a_small_model_grades_and_is_judged() -> None:
    shelf = Shelf()
    queries = [Query("1", "how is green tea brewed"), Query("2", "why does the moon have phases")]
    pairs = [(query, document) for query in queries for document in list(SHELF)[:5]]
    qrels = {"1": dict.fromkeys(SHELF, 0) | {"tea": 3}, "2": dict.fromkeys(SHELF, 0) | {"moon": 3}}
    annotator = Annotator(small(), AnnotatorConfig(prior=True))
    grades = annotator.grade(pairs, shelf)
    assert all(one.grade in range(4) and 0 < one.sure <= 1 for one in grades)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantRaterWarning)
        found = agreement(grades, qrels)
    assert found.judged == 10
    assert found.missing == 0
    assert np.sum(found.table) == 10
    unrelated = {"1": ["mars", "bees"], "2": ["piano", "knots"]}
    told = biases(annotator, queries, shelf, unrelated, grades, qrels)
    assert 0 <= told.position <= 1
    assert np.isfinite(told.stuffing)
    assert 0 <= told.stuffed_relevant <= 1


def test_a_judge_that_counts_words_is_found_out() -> None:
    class Words:
        """The passage's grade is how often it has the query's first word."""

        name = identity = "words"

        def ask(self, questions):  # type: ignore[no-untyped-def]
            from palate.language.questions import Reply

            found = []
            for question in questions:
                said = question.turns[-1][1]
                text = said.split('"""')[1].lower().split()
                count = min(3, text.count("piano"))
                scores = [-float(abs(i - count)) for i in range(len(question.options))]
                found.append(Reply("", tuple(scores), 1, 1))
            return found

    found = biases(
        Annotator(Words()), [Query("1", "piano")], Shelf(), {"1": ["mars", "moon", "tea", "bees"]}
    )
    assert found.stuffing > 1
    assert found.stuffed_relevant == 1
    assert found.position == 1  # it answers the same whatever the order
    assert stuff("a b", "q", np.random.default_rng(0)).split().count("q") == 2


def test_the_most_disputed_come_first() -> None:
    query = Query("1", "q")
    one = Results(query, tuple(Hit(d, -i) for i, d in enumerate("abc")))
    other = Results(query, tuple(Hit(d, -i) for i, d in enumerate("cba")))
    assert {d for _, d in most_disputed([[one], [other]], 2)} == {"a", "c"}
