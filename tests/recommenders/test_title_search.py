"""Searching among titles comes to what scoring each of them would."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from palate.language.backbone import Backbone
from palate.language.generation import likelihoods
from palate.language.prompts import Prompt, Slot
from palate.recommenders.title_search import UNREACHED, TitleSearch

TITLES = ["Heat", "Heat and Dust", "Alien", "Alien", "The Big Lebowski", "", "Ronin (1998)"]
PROMPTS = [
    Prompt.of("Seen: Fargo", Slot(1), ". Next: "),
    Prompt.of("Seen: Alien", Slot(0), ", Heat (1995)", Slot(2), ". Next: "),
]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone.load("smollm2-135m", layers=2, precision="fp32", device="cpu")


def test_a_beam_for_each_title_finds_what_each_is_worth(backbone: Backbone) -> None:
    table = torch.randn(3, backbone.hidden_size)
    vectors = table.__getitem__
    found = TitleSearch(backbone, TITLES).score(PROMPTS, len(TITLES), vectors=vectors)
    each = likelihoods(backbone, PROMPTS, [TITLES] * 2, vectors=vectors)
    assert_close(torch.from_numpy(found), torch.stack(each), rtol=1e-4, atol=1e-3)
    assert found[0, 2] == found[0, 3]
    other = TitleSearch(backbone, TITLES).score(PROMPTS, len(TITLES), vectors=(-table).__getitem__)
    assert abs(other - found).max() > 0.01


def test_what_no_beam_comes_to_is_last(backbone: Backbone) -> None:
    zeros = torch.zeros(3, backbone.hidden_size).__getitem__
    few = TitleSearch(backbone, TITLES).score(PROMPTS, 2, vectors=zeros)
    distinct = [len(set(row[row > UNREACHED].tolist())) for row in few]
    assert distinct == [2, 2]
    assert few.min() == UNREACHED
