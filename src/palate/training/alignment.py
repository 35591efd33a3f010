"""Losses that align items' query tokens with texts, with other items and with users.

Three of BLIP-2 (Li et al., ICML 2023): contrast (ITC), generation (ITG) and matching (ITM) of item
and text. Two of ILM (Yang et al., arXiv:2406.02844): contrast of items that follow one another
(II), and of a user with an item of theirs (UI). Contrasts are InfoNCE over the batch, row by row:
what stands on the diagonal belongs together, and what is known to belong together elsewhere is
left out, for it is no negative.

Legend: n examples of the batch, k query tokens, p width of what is compared, l text length, v
texts' vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

IGNORED = -100
NEVER = float("-inf")


def item_text_similarity(tokens: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """[n, n] of item i and text j: the cosine of the query token that is nearest to the text.

    Args:
        tokens: [n, k, p] of the items.
        texts: [n, p].
    """
    cosines = F.normalize(tokens, dim=-1) @ F.normalize(texts, dim=-1).T  # [n, k, n]
    return cosines.amax(1)


def token_similarity(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """[n, n] of the items, or a user and an item: the cosine of their nearest pair of tokens.

    Args:
        first, second: [n, k, p] query tokens.
    """
    size, count = first.shape[:2]
    a, b = (F.normalize(part, dim=-1).flatten(0, 1) for part in (first, second))
    return (a @ b.T).view(size, count, size, count).amax((1, 3))


def contrast(
    similarity: torch.Tensor, temperature: torch.Tensor | float, also: torch.Tensor | None = None
) -> torch.Tensor:
    """InfoNCE of [n, n] similarities by rows; zero for an empty batch.

    Args:
        also: [n, n] True for pairs off the diagonal that belong together too: left out.
    """
    if len(similarity) == 0:
        return similarity.sum()
    logits = similarity / temperature
    if also is not None:
        logits = logits.masked_fill(off_diagonal(also), NEVER)
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def both_ways(
    similarity: torch.Tensor, temperature: torch.Tensor | float, also: torch.Tensor | None = None
) -> torch.Tensor:
    """The mean of :func:`contrast` by rows and by columns, as ITC has it."""
    across = None if also is None else also.T
    return (
        contrast(similarity, temperature, also) + contrast(similarity.T, temperature, across)
    ) / 2


def off_diagonal(pairs: torch.Tensor) -> torch.Tensor:
    """[n, n] the pairs, without those of the diagonal."""
    return pairs & ~torch.eye(len(pairs), dtype=torch.bool, device=pairs.device)


def generation(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the texts' tokens (ITG).

    Args:
        logits: [n, l, v] at each position, of the token that follows.
        labels: [n, l] the tokens themselves, ``IGNORED`` at padding; not shifted. The first is
            the mark that asks for a text and is never predicted.
    """
    return F.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED
    )


def hard_negatives(
    similarity: torch.Tensor, temperature: torch.Tensor | float, also: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """A negative for each row of [n, n] similarities, drawn by the softmax of the row.

    Args:
        also: [n, n] True for pairs off the diagonal that belong together too: never drawn.

    Returns:
        The rows that have a negative [r], and the column that was drawn for each [r].
    """
    barred = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    if also is not None:
        barred = barred | also
    rows = (~barred).any(1).nonzero().squeeze(1)
    if len(rows) == 0:
        return rows, rows
    with torch.no_grad():
        logits = (similarity.float() / temperature).masked_fill(barred, NEVER)
        return rows, torch.multinomial(logits[rows].softmax(-1), 1).squeeze(1)


def matching(logits: torch.Tensor, matches: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of "do item and text belong together" (ITM).

    Args:
        logits: [m, k, 2] of each query token; a pair's are their mean.
        matches: [m] 1 where they do, 0 where not.
    """
    return F.cross_entropy(logits.mean(1).float(), matches)
