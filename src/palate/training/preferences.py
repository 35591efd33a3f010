"""Losses that teach a language model which of several answers is the better one.

All are functions of ``delta``, the log-probability of each answer under the model less that under
the model it began as, times beta.

Legend: g groups of a batch, a answers of a group.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

ABSENT = -1.0
"""Grade of a place of a group at which there is no answer."""


def dpo(delta: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Mean over pairs of ``-log sigma(delta_better - delta_worse)``.

    Rafailov et al., "Direct Preference Optimization", NeurIPS 2023, equation 7. Every pair of a
    group with different grades counts once.

    Args:
        delta: [g, a]
        grades: [g, a] the higher the better; :data:`ABSENT` where there is no answer.
    """
    better = _better(grades)
    losses = F.softplus(-_differences(delta)) * better
    return losses.sum() / better.sum().clamp(min=1)


def s_dpo(delta: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Mean over better answers of ``-log sigma(-log sum_l exp(delta_l - delta_better))``, l being
    all answers of a lower grade.

    Chen et al., "On Softmax Direct Preference Optimization for Recommendation", NeurIPS 2024. The
    value is that of a softmax over the better answer and all worse ones.
    """
    better = _better(grades)
    has_worse = better.any(2)  # [g, a]
    others = (-_differences(delta)).masked_fill(~better, float("-inf"))
    losses = F.softplus(torch.where(has_worse[..., None], others, 0.0).logsumexp(2))
    return (losses * has_worse).sum() / has_worse.sum().clamp(min=1)


def plackett_luce(delta: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Mean over groups of minus the log-probability of the order by falling grade.

    ``-sum_i log(exp(s_i) / sum_{j >= i} exp(s_j))``; answers of equal grades are not put in an
    order among themselves: each is drawn from itself and all that are worse.
    """
    present = grades > ABSENT
    at_most = (grades[:, :, None] > grades[:, None, :]) & present[:, None, :]  # [g, i, j]
    at_most = at_most | (torch.eye(grades.shape[1], dtype=torch.bool, device=grades.device))
    scores = delta[:, None, :].expand(at_most.shape).masked_fill(~at_most, float("-inf"))
    losses = (scores.logsumexp(2) - delta) * present
    groups = (_better(grades).flatten(1).any(1)).sum()
    return losses.sum() / groups.clamp(min=1)


def lambda_pairs(delta: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """DPO's pairs, each by how much swapping the two would change NDCG of the model's own order.

    LiPO's lambda loss (Liu et al., arXiv:2402.01878): weight ``|g_i - g_j| |1/d_i - 1/d_j|`` over
    the ideal DCG, gains linear, ``d`` the discount of the place that delta gives an answer.
    """
    better = _better(grades)
    present = grades > ABSENT
    gains = grades.clamp(min=0)
    by_delta = delta.detach().masked_fill(~present, float("-inf"))
    places = by_delta.argsort(1, descending=True).argsort(1)
    ranks = torch.arange(1, grades.shape[1] + 1, dtype=delta.dtype, device=delta.device)
    discount = 1 / torch.log2(ranks + 1)
    own = discount[places]
    ideal = (gains.sort(1, descending=True).values * discount).sum(1).clamp(min=1e-9)
    weights = (gains[:, :, None] - gains[:, None, :]).abs()
    weights = weights * (own[:, :, None] - own[:, None, :]).abs() / ideal[:, None, None]
    losses = F.softplus(-_differences(delta)) * better * weights
    return losses.sum() / better.flatten(1).any(1).sum().clamp(min=1)


LOSSES = {
    "dpo": dpo, "s-dpo": s_dpo, "plackett-luce": plackett_luce, "lambda": lambda_pairs,
}  # fmt: skip


def _differences(delta: torch.Tensor) -> torch.Tensor:
    """[g, a, a] of each answer and each other."""
    return delta[:, :, None] - delta[:, None, :]


def _better(grades: torch.Tensor) -> torch.Tensor:
    """[g, a, a] true where the first of two answers has the higher grade."""
    present = grades > ABSENT
    return (grades[:, :, None] > grades[:, None, :]) & present[:, :, None] & present[:, None, :]
