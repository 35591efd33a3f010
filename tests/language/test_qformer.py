"""The Q-Former's three masks, its one-token cross-attention, and how far apart its queries are."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from palate.language.qformer import QFormer, QFormerConfig, TextSide, mean_cosine, sight

SOURCE, LENGTH, VOCABULARY = 6, 5, 11
CHANGED = 2  # place of the token that is another
MASK = torch.ones(1, LENGTH, dtype=torch.bool)
IDS = torch.tensor([[TextSide.CLS, 5, 7, 4, TextSide.END]])


@pytest.fixture
def parts() -> tuple[QFormer, TextSide]:
    torch.manual_seed(3)
    config = QFormerConfig(queries=3, width=16, layers=4, heads=2)
    side = TextSide(torch.randn(VOCABULARY - TextSide.FIRST, 9), LENGTH, config)
    return QFormer(SOURCE, config).eval(), side.eval()


@pytest.fixture
def vector() -> torch.Tensor:
    return torch.randn(1, SOURCE, generator=torch.Generator().manual_seed(4))


def moved(before: torch.Tensor, after: torch.Tensor) -> list[bool]:
    """For each place of [1, n, w], whether it changed: beyond the order of sums, or at all."""
    return ((before - after).abs().amax(-1)[0] > 1e-5).tolist()


@pytest.mark.parametrize(
    ("see", "queries", "text"),
    [
        ("apart", [False] * 3, [True] * 5),
        ("causal", [False] * 3, [False, False, True, True, True]),
        ("together", [True] * 3, [True] * 5),
    ],
)
def test_another_token_moves_what_may_see_it(parts, vector, see, queries, text):
    qformer, side = parts
    other = IDS.clone()
    other[0, CHANGED] = 9
    before = qformer.read(vector, side, IDS, MASK, see)
    after = qformer.read(vector, side, other, MASK, see)
    assert moved(before[0], after[0]) == queries
    assert moved(before[1], after[1]) == text


@pytest.mark.parametrize(("see", "text"), [("apart", False), ("causal", True), ("together", True)])
def test_another_vector_moves_the_text_unless_they_are_apart(parts, vector, see, text):
    qformer, side = parts
    before = qformer.read(vector, side, IDS, MASK, see)
    after = qformer.read(vector + 1, side, IDS, MASK, see)
    assert moved(before[0], after[0]) == [True] * 3
    assert moved(before[1], after[1]) == [text] * 5


@pytest.mark.parametrize("see", ["apart", "causal", "together"])
def test_padding_is_seen_by_nobody(parts, vector, see):
    qformer, side = parts
    mask = MASK.clone()
    mask[0, 3:] = False
    other = IDS.clone()
    other[0, 3:] = 10
    before = qformer.read(vector, side, IDS, mask, see)
    after = qformer.read(vector, side, other, mask, see)
    assert moved(before[0], after[0]) == [False] * 3
    assert moved(before[1], after[1])[:3] == [False] * 3


def test_without_a_text_queries_are_as_they_are_apart_from_one(parts, vector):
    qformer, side = parts
    torch.testing.assert_close(
        qformer(vector), qformer.read(vector, side, IDS, MASK, "apart")[0], atol=1e-5, rtol=1e-5
    )


def test_the_masks_are_these():
    visible = sight(1, torch.tensor([[1, 1, 0]]).bool(), "causal")[0].int()
    assert visible.tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 0]]


@pytest.mark.parametrize("tokens", [1, 2])
def test_one_token_leaves_cross_attention_nothing_to_choose(vector, tokens):
    """It adds the same to every query, and what would choose gets no gradient."""
    torch.manual_seed(5)
    qformer = QFormer(SOURCE, QFormerConfig(queries=3, width=16, heads=2, cf_tokens=tokens))
    added: list[torch.Tensor] = []
    cross = qformer.layers[0].cross
    cross.register_forward_hook(lambda _, __, output: added.append(output))
    assert [layer.cross is not None for layer in qformer.layers] == [True, False, True, False]
    qformer(vector).square().mul(torch.rand(3, 16)).sum().backward()
    same = moved(added[0], added[0][:, :1].expand_as(added[0])) == [False] * 3
    chooses = float(cross.query.weight.grad.abs().max()) + float(cross.key.weight.grad.abs().max())
    assert same == (tokens == 1)
    assert (chooses < 1e-7) == (tokens == 1)
    assert cross.value.weight.grad.abs().max() > 1e-4


def test_items_and_queries_differ_from_the_start(parts):
    """A Q-Former that was never aligned is a control only if it lets items through."""
    qformer, _ = parts
    found = qformer(torch.randn(20, SOURCE, generator=torch.Generator().manual_seed(6)))
    assert found.shape == (20, *qformer.outputs)
    assert (found.std(0) > 0.1).float().mean() > 0.9
    assert mean_cosine(found) < 0.9


def test_predictions_are_tied_to_the_tokens_vectors(parts):
    _, side = parts
    states = torch.randn(2, 4, 16)
    expected = side.head(states) @ side.vectors().T / 4 + side.bias
    torch.testing.assert_close(side.predict(states), expected)
    assert side.predict(states).shape == (2, 4, VOCABULARY)
    assert not any("table" in name for name, _ in side.named_parameters())


def test_mean_cosine_of_known_tokens():
    x, y = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 3.0])
    assert mean_cosine(torch.stack([x, x, 5 * x])[None]) == pytest.approx(1)
    assert mean_cosine(torch.stack([x, y])[None]) == pytest.approx(0)
    assert mean_cosine(torch.stack([x, -x])[None]) == pytest.approx(-1)
    assert mean_cosine(torch.stack([torch.stack([x, x]), torch.stack([x, y])])) == pytest.approx(
        0.5
    )
    assert mean_cosine(x[None, None]) == 1


def test_heads_divide_the_width():
    with pytest.raises(ValidationError, match="width=10 is no multiple of heads=4"):
        QFormerConfig(width=10)
