"""Recommenders inside recommenders, and the vectors that they lend."""

from __future__ import annotations

import pytest
import torch

from palate.errors import ConfigError
from palate.recommenders.base import FitContext
from palate.recommenders.conformance import taste_split
from palate.recommenders.item_vectors import item_table
from palate.recommenders.nested import fit_nested, load_nested, nested_state

NET = {"width": 16, "length": 8, "epochs": 1, "batch_size": 16, "device": "cpu"}
FACTORS = {"factors": 8}


@pytest.mark.parametrize(
    ("method", "settings", "width"),
    [
        ("sasrec", NET, 16),
        ("gru4rec", NET, 16),
        ("caser", NET, 16),
        ("als", FACTORS, 8),
        ("bpr", FACTORS, 8),
    ],
)
def test_each_item_has_a_vector_which_is_kept(method, settings, width):
    split = taste_split()
    inner = fit_nested(method, settings, split, FitContext(seed=2))
    table = item_table(inner)
    assert table.shape == (split.n_items, width)
    assert table.dtype == torch.float32
    assert not table.requires_grad
    assert len(table[:18].unique(dim=0)) == 18  # all that training saw differ
    state = nested_state(inner, "cf") | {"cfa.items": torch.zeros(1)}
    again = load_nested(method, settings, state, "cf", split.catalogue)
    assert torch.equal(item_table(again), table)
    table += 1
    assert not torch.equal(item_table(inner), table)


@pytest.mark.parametrize("method", ["ease", "itemknn", "popularity"])
def test_without_vectors_the_error_says_who_has_some(method):
    inner = fit_nested(method, {}, taste_split(), FitContext())
    with pytest.raises(ConfigError, match=f"cf={method} has no vector .*sasrec.*bpr have"):
        item_table(inner)
