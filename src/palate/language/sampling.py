"""Text drawn at random from a language model, token by token.

Legend: b prompts, v vocabulary, t tokens so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from palate.errors import ConfigError
from palate.language.prompt_cache import PromptCache


@dataclass(frozen=True)
class SampleSettings:
    """How to draw.

    Attributes:
        max_tokens: tokens of an answer at most, its end included.
        temperature: logits are divided by it.
        top_k: only so many of the likeliest tokens are drawn from; 0 is all.
    """

    max_tokens: int = 64
    temperature: float = 0.7
    top_k: int = 0


def draw(
    cache: PromptCache, settings: SampleSettings, ends: Sequence[int], seeds: Sequence[int]
) -> list[list[int]]:
    """Tokens of one answer to each prompt of *cache*, which is used up.

    Args:
        ends: tokens that end an answer.
        seeds: one per prompt, so that an answer does not depend on its neighbours in a batch.
    """
    if settings.temperature <= 0 or settings.top_k < 0 or settings.max_tokens < 1:
        raise ConfigError(f"sampling needs a temperature above 0 and a token to write: {settings}")
    device = cache.logits.device
    randoms = [torch.Generator().manual_seed(seed) for seed in seeds]
    answers: list[list[int]] = [[] for _ in seeds]
    rows = list(range(len(seeds)))
    logits = cache.logits  # [b, v]
    for step in range(settings.max_tokens):
        weights = _weights(logits, settings)
        for place, row in enumerate(rows):
            token = int(torch.multinomial(weights[place], 1, generator=randoms[row]))
            answers[row].append(token)
        going = [place for place, row in enumerate(rows) if answers[row][-1] not in ends]
        if not going or step + 1 == settings.max_tokens:
            break
        if len(going) < len(rows):
            cache.keep(torch.tensor(going, device=device))
            rows = [rows[place] for place in going]
        ids = torch.tensor([[answers[row][-1]] for row in rows], device=device)
        sees = torch.ones(len(rows), 1, step + 1, dtype=torch.bool, device=device)
        logits = cache.extend(ids, step, sees)[:, 0]
    return answers


def _weights(logits: torch.Tensor, settings: SampleSettings) -> torch.Tensor:
    """[b, v] probabilities to draw from, on the CPU."""
    scaled = logits.cpu() / settings.temperature
    if 0 < settings.top_k < scaled.shape[1]:
        least = scaled.topk(settings.top_k, 1).values[:, -1:]
        scaled = scaled.masked_fill(scaled < least, float("-inf"))
    return scaled.softmax(1)
