"""The losses of alignment, by hand."""

from __future__ import annotations

from math import e, log

import pytest
import torch

from palate.training.alignment import (
    IGNORED,
    both_ways,
    contrast,
    generation,
    hard_negatives,
    item_text_similarity,
    matching,
    token_similarity,
)

AXES = torch.eye(8)
FIRST = torch.stack([torch.stack([AXES[a], AXES[7]]) for a in range(4)])  # [4, 2, 8]
OWN = log(e + 3) - 1  # of a row with its positive at cosine 1 and three negatives at 0


def followers() -> torch.Tensor:
    """[4, 2, 8]: each is like its own first item, and the second like that of the first too."""
    second = torch.stack([3 * torch.stack([AXES[b], AXES[6]]) for b in range(4)])
    second[1, 1] = AXES[0]
    return second


def test_items_are_as_like_as_their_nearest_tokens():
    expected = torch.eye(4)
    expected[0, 1] = 1
    torch.testing.assert_close(token_similarity(FIRST, followers()), expected)


def test_item_item_loss_of_four_by_hand():
    loss = contrast(token_similarity(FIRST, followers()), 1.0)
    first_row = log(2 * e + 2) - 1
    assert float(loss) == pytest.approx((first_row + 3 * OWN) / 4, abs=1e-5)
    assert float(loss) == pytest.approx(0.809354, abs=1e-5)


def test_what_belongs_together_as_well_is_no_negative():
    also = torch.eye(4, dtype=torch.bool)  # the diagonal stays the positive
    also[0, 1] = True
    loss = contrast(token_similarity(FIRST, followers()), 1.0, also)
    assert float(loss) == pytest.approx((log(e + 2) - 1 + 3 * OWN) / 4, abs=1e-5)


def test_a_false_negative_gets_no_gradient():
    similarity = torch.zeros(3, 3, requires_grad=True)
    also = torch.zeros(3, 3, dtype=torch.bool)
    also[0, 2] = True
    both_ways(similarity, 0.1, also).backward()
    assert similarity.grad is not None
    assert similarity.grad[0, 2] == 0
    assert (similarity.grad[[0, 1, 1, 2, 2], [1, 0, 2, 0, 1]] > 0).all()
    assert (similarity.grad.diagonal() < 0).all()


def test_the_temperature_learns():
    temperature = torch.tensor(0.5, requires_grad=True)
    contrast(token_similarity(FIRST, followers()), temperature).backward()
    assert temperature.grad is not None
    assert temperature.grad != 0


def test_an_empty_batch_is_no_loss():
    assert contrast(torch.zeros(0, 0), 0.1) == 0


def test_an_item_is_as_like_a_text_as_its_nearest_query():
    texts = torch.stack([AXES[1], AXES[7], AXES[0] + AXES[7]])
    found = item_text_similarity(FIRST[:3], texts)
    half = 0.5**0.5
    torch.testing.assert_close(
        found, torch.tensor([[0, 1, half], [1, 1, half], [0, 1, half]]), atol=1e-6, rtol=0
    )


def test_item_text_loss_asks_in_both_directions():
    similarity = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    rows = (log(e + 1) - 1 + log(e + 1)) / 2
    columns = log(2)
    assert float(both_ways(similarity, 1.0)) == pytest.approx((rows + columns) / 2, abs=1e-6)


def test_negatives_are_never_positives():
    similarity = torch.eye(5) * 100  # as tempting as can be
    also = torch.zeros(5, 5, dtype=torch.bool)
    also[0, 1] = also[1, 0] = True
    similarity[0, 1] = 100
    for _ in range(50):
        rows, columns = hard_negatives(similarity, 0.07, also)
        assert rows.tolist() == [0, 1, 2, 3, 4]
        assert (rows != columns).all()
        assert not also[rows, columns].any()


def test_negatives_are_drawn_by_similarity():
    torch.manual_seed(1)
    similarity = torch.tensor([[9.0, 0.0, log(3)]]).expand(3, 3)
    drawn = torch.cat([hard_negatives(similarity, 1.0)[1][:1] for _ in range(2000)])
    assert float((drawn == 2).float().mean()) == pytest.approx(0.75, abs=0.03)


def test_a_row_without_negatives_has_none():
    also = torch.zeros(3, 3, dtype=torch.bool)
    also[1] = True
    rows, columns = hard_negatives(torch.zeros(3, 3), 0.1, also)
    assert rows.tolist() == [0, 2]
    assert len(columns) == 2
    assert [len(part) for part in hard_negatives(torch.zeros(1, 1), 0.1)] == [0, 0]


def test_generation_learns_each_token_from_the_place_before_it():
    labels = torch.tensor([[1, 3, 2, IGNORED]])
    logits = torch.zeros(1, 4, 5, requires_grad=True)
    loss = generation(logits, labels)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(log(5))
    assert logits.grad is not None
    assert (logits.grad[0].abs().amax(1) > 0).tolist() == [True, True, False, False]
    assert logits.grad[0].argmin(1)[:2].tolist() == [3, 2]


def test_a_pair_matches_by_the_mean_of_its_queries():
    logits = torch.tensor([[[0.0, 4.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, 2.0]]])
    expected = (log(1 + e**-2) + log(2)) / 2
    assert float(matching(logits, torch.tensor([1, 0]))) == pytest.approx(expected, abs=1e-6)
