"""Feedback formulas by hand."""

import math

import pytest

from palate.search.feedback import rm3, rocchio


def test_rm3_by_hand():
    weights = rm3({"a": 1, "b": 1}, [{"a": 1, "c": 3}, {"c": 1}], [3.0, 1.0], terms=2, original=0.5)
    a, c = 1 / 4 * 3 / 4, 3 / 4 * 3 / 4 + 1 / 4
    assert weights == pytest.approx(
        {"a": 0.25 + 0.5 * a / (a + c), "b": 0.25, "c": 0.5 * c / (a + c)}
    )
    assert sum(weights.values()) == pytest.approx(1)


def test_rm3_keeps_only_the_likeliest_terms():
    weights = rm3({"a": 1}, [{"b": 5, "c": 3, "d": 1}], [1.0], terms=2, original=0.4)
    assert weights == pytest.approx({"a": 0.4, "b": 0.6 * 5 / 8, "c": 0.6 * 3 / 8})


def test_rocchio_by_hand():
    weights = rocchio({"a": 2}, [{"b": 1}, {"a": 1, "b": 1}], {"a": 1.0, "b": 1.0}, 5, 1.0, 0.75)
    a, b = math.sqrt(0.5) / 2, (1 + math.sqrt(0.5)) / 2
    norm = math.hypot(a, b)
    assert weights == pytest.approx({"a": 1 + 0.75 * a / norm, "b": 0.75 * b / norm})


def test_without_documents_the_query_stands():
    assert rm3({"a": 2, "b": 2}, [], [], original=0.5) == {"a": 0.25, "b": 0.25}
    assert rocchio({"a": 1}, [], {"a": 1.0}) == {"a": 1.0}
