"""Answers to prompts: found by search, drawn at random, or given and scored.

Prompts are batched by length, and what all of them begin with is read once.

Legend: b prompts, s slots, w vectors per slot, h hidden size, a answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace

import torch
from rich.console import Console
from rich.progress import Progress

from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings, Hypothesis, TextFree, beam_search
from palate.language.collate import Encoded, collate, encode, end_ids, splice
from palate.language.embeddings import batches
from palate.language.likelihood import answer_log_probs
from palate.language.prompt_cache import PromptCache, PromptPrefix
from palate.language.prompts import Prompt
from palate.language.sampling import SampleSettings, draw
from palate.language.tokenizer import Tokenizer
from palate.language.trie import Trie

Vectors = Callable[[torch.Tensor], torch.Tensor]
"""[s] indices of slots -> [s, h] or [s, w, h] what goes into them."""

WORTH_MERGING = 4  # prompts from which on putting an adapter into the weights saves time
TRIED = 8  # tokens of an answer, roughly: what a beam adds to a prompt's share of a batch


def answer_tokens(
    tokenizer: Tokenizer, answers: Sequence[str], end: str | None = None
) -> list[list[int]]:
    """Tokens of answers as prompts with these answers have them, the end included."""
    prompts = [Prompt((), answer, end) for answer in answers]
    return [one.ids[one.answer :] for one in encode(prompts, tokenizer)]


def generate(
    backbone: Backbone,
    prompts: Sequence[Prompt],
    settings: BeamSettings,
    *,
    allowed: Trie | None = None,
    text_free: TextFree | None = None,
    vectors: Vectors | None = None,
    batch_tokens: int = 8192,
    progress: bool = False,
) -> list[list[Hypothesis]]:
    """The answers found for each prompt, best first; answers that prompts hold are not read.

    Args:
        allowed: the answers there may be, as :func:`answer_tokens` gives them; None is any text.
        text_free: another model's view, one row per prompt.
        vectors: what goes into the prompts' slots.
        batch_tokens: padded tokens per batch, beams counted in; bounds memory.
        progress: show a progress bar.
    """
    found: list[list[Hypothesis]] = [[] for _ in prompts]
    ends = sorted({end for p in prompts for end in end_ids(p, backbone.tokenizer)[:1]})
    room = settings.beams * TRIED
    for which, cache in _read(
        backbone, prompts, vectors, batch_tokens, room, "writing" if progress else None
    ):
        view = None
        if text_free is not None:
            view = replace(text_free, weights=text_free.weights[which])
        several = beam_search(cache, settings, ends, allowed, view)
        for position, hypotheses in zip(which, several, strict=True):
            found[position] = hypotheses
    return found


def sample(
    backbone: Backbone,
    prompts: Sequence[Prompt],
    settings: SampleSettings,
    seeds: Sequence[int],
    *,
    batch_tokens: int = 8192,
) -> list[list[int]]:
    """Tokens of one answer to each prompt, drawn at random.

    Args:
        seeds: one per prompt.
        batch_tokens: padded tokens per batch; bounds memory.
    """
    found: list[list[int]] = [[] for _ in prompts]
    ends = sorted({end for p in prompts for end in end_ids(p, backbone.tokenizer)[:1]})
    for which, cache in _read(backbone, prompts, None, batch_tokens, settings.max_tokens, None):
        several = draw(cache, settings, ends, [seeds[i] for i in which])
        for position, tokens in zip(which, several, strict=True):
            found[position] = tokens
    return found


def likelihoods(
    backbone: Backbone,
    prompts: Sequence[Prompt],
    answers: Sequence[Sequence[str]],
    *,
    vectors: Vectors | None = None,
    batch_tokens: int = 8192,
    progress: bool = False,
) -> list[torch.Tensor]:
    """[a] log-probability of each given answer, its end included, for each prompt.

    Args:
        answers: candidates of each prompt; ends are those of the prompts.
    """
    found: list[torch.Tensor] = [torch.empty(0)] * len(prompts)
    tokens = [
        answer_tokens(backbone.tokenizer, some, prompt.end)
        for some, prompt in zip(answers, prompts, strict=True)
    ]
    room = max((sum(map(len, some)) for some in tokens), default=0)
    for which, cache in _read(
        backbone, prompts, vectors, batch_tokens, room, "scoring" if progress else None
    ):
        several = answer_log_probs(cache, [Trie(tokens[i]) for i in which])
        for position, values in zip(which, several, strict=True):
            found[position] = values
    return found


def _read(
    backbone: Backbone,
    prompts: Sequence[Prompt],
    vectors: Vectors | None,
    batch_tokens: int,
    room: int,
    told: str | None,
) -> Iterator[tuple[list[int], PromptCache]]:
    """Batches of prompts, read: their positions, and the cache."""
    if not prompts:
        return
    encoded = encode([replace(prompt, answer=None) for prompt in prompts], backbone.tokenizer)
    plain = [one.ids[: one.slots[0][0] if one.slots else -1] for one in encoded]
    training = backbone.training
    backbone.eval()
    bar = Progress(console=Console(stderr=True), transient=True, disable=told is None)
    merged = backbone.adapters.merged() if len(prompts) >= WORTH_MERGING else nullcontext()
    try:
        with bar, torch.no_grad(), merged:
            prefix = PromptPrefix.shared_by(backbone, plain) if len(prompts) > 1 else None
            if prefix is not None:
                encoded = [_without(one, prefix.length) for one in encoded]
            task = bar.add_task(told or "", total=len(prompts))
            for which in batches([len(one.ids) + room for one in encoded], batch_tokens):
                part = collate([encoded[i] for i in which], backbone.tokenizer.pad_id)
                batch = {key: value.to(backbone.device) for key, value in part.items()}
                filling = vectors(batch["slots"]) if vectors and len(batch["slots"]) else None
                embeds = splice(backbone, batch["input_ids"], batch["slot_mask"], filling)
                yield which, PromptCache(backbone, embeds, batch["attention_mask"], prefix)
                bar.advance(task, len(which))
    finally:
        backbone.train(training)


def _without(one: Encoded, start: int) -> Encoded:
    slots = [(position - start, slot) for position, slot in one.slots]
    return Encoded(one.ids[start:], one.answer - start, slots)
