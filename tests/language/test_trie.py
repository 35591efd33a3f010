"""The tree of answers, against plain sets and loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import ConfigError
from palate.language.trie import ROOT, Trie

END = 9
answers = st.lists(
    st.lists(st.integers(0, 4), min_size=0, max_size=5).map(lambda tokens: [*tokens, END]),
    min_size=1,
    max_size=12,
)


def walk(trie: Trie, tokens: list[int]) -> int:
    """The node that *tokens* lead to, edge by edge."""
    node = ROOT
    for token in tokens:
        _, edges = trie.edges(torch.tensor([node]))
        (found,) = [e for e in edges.tolist() if int(trie.tokens[e]) == token]
        node = found + 1
    return node


@given(answers)
def test_each_answer_leads_to_its_leaf_and_equals_share_one(given_answers: list[list[int]]) -> None:
    trie = Trie(given_answers)
    for number, answer in enumerate(given_answers):
        leaf = walk(trie, answer)
        assert leaf == trie.leaves[number]
        assert trie.is_leaf(torch.tensor(leaf))
        assert trie.answers_at(leaf) == [i for i, a in enumerate(given_answers) if a == answer]
    assert trie.depth == max(map(len, given_answers))


@given(answers)
def test_what_may_follow_is_what_some_answer_has_there(given_answers: list[list[int]]) -> None:
    trie = Trie(given_answers)
    beginnings = sorted({tuple(a[:n]) for a in given_answers for n in range(len(a))})
    nodes = torch.tensor([walk(trie, list(beginning)) for beginning in beginnings])
    owners, edges = trie.edges(nodes)
    for number, beginning in enumerate(beginnings):
        n = len(beginning)
        expected = sorted({a[n] for a in given_answers if tuple(a[:n]) == beginning})
        assert trie.tokens[edges[owners == number]].tolist() == expected


@given(answers, st.data())
def test_masses_add_up_the_answers_below(
    given_answers: list[list[int]], data: st.DataObject
) -> None:
    trie = Trie(given_answers)
    weight = st.lists(st.integers(0, 9), min_size=len(given_answers), max_size=len(given_answers))
    weights = torch.tensor([data.draw(weight), data.draw(weight)]).float()
    masses = trie.masses(weights)
    assert torch.equal(masses[:, ROOT], weights.sum(1))
    for row in range(2):
        for answer in given_answers:
            for n in range(len(answer) + 1):
                begun = [a[:n] == answer[:n] for a in given_answers]
                assert (
                    masses[row, walk(trie, answer[:n])] == weights[row, torch.tensor(begun)].sum()
                )


@given(answers)
def test_ways_from_the_root(given_answers: list[list[int]]) -> None:
    trie = Trie(given_answers)
    sums = trie.path_sums(trie.tokens.float())
    depths = trie.depths()
    inner = trie.inner()
    above = trie.ancestors(inner)
    for number, answer in enumerate(given_answers):
        leaf = trie.leaves[number]
        assert sums[leaf] == sum(answer)
        assert depths[leaf] == len(answer)
        way = [walk(trie, answer[:n]) for n in range(1, len(answer))]
        if way:
            row = inner.tolist().index(way[-1])
            assert inner[above[row]].tolist() == way


def test_an_answer_that_begins_another_needs_an_end() -> None:
    with pytest.raises(ConfigError, match=r"answer 0 .* begins another"):
        Trie([[1, 2], [1, 2, 3]])


def test_no_answers() -> None:
    with pytest.raises(ConfigError, match="needs answers"):
        Trie([])
    with pytest.raises(ConfigError, match="at least one token"):
        Trie([[1], []])
