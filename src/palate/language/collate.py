"""Prompts to batches: tokens, mask, positions, labels, and vectors put into their slots.

Two steps, so that the first may run in the workers of a data loader and the second keeps
gradients: :func:`collate` makes whole numbers, :func:`splice` the embeddings.

Legend: b batch, l length, h hidden size, s slots, n vectors in all slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

from palate.errors import ConfigError
from palate.language.backbone import IGNORED, Backbone
from palate.language.prompts import Markup, Prompt, Slot
from palate.language.tokenizer import Tokenizer

Batch = dict[str, torch.Tensor]


@dataclass
class Encoded:
    """A prompt in tokens.

    Attributes:
        ids: tokens; the padding token where a vector goes.
        answer: where the answer starts; ``len(ids)`` where there is none.
        slots: (position, slot) in order.
    """

    ids: list[int] = field(default_factory=list)
    answer: int = 0
    slots: list[tuple[int, Slot]] = field(default_factory=list)

    def pieces(self, tokenizer: Tokenizer) -> list[str]:
        """What the model sees, one string per position, for people to read."""
        seen = [tokenizer.raw.decode([id_]) for id_ in self.ids]
        for position, slot in self.slots:
            seen[position : position + slot.width] = [f"[{slot.label} {slot.index}]"] * slot.width
        return seen


def encode(prompts: Sequence[Prompt], tokenizer: Tokenizer) -> list[Encoded]:
    """Prompts in tokens: BOS where the model wants it, the spans, the answer and its end."""
    plans = [_plan(prompt, tokenizer) for prompt in prompts]
    firsts = [part for plan in plans for part in plan if isinstance(part, _Run) and part.first]
    others = [part for plan in plans for part in plan if isinstance(part, _Run) and not part.first]
    for runs, continues in ((firsts, False), (others, True)):
        found = tokenizer.encode([run.text for run in runs], continues=continues)
        for run, ids in zip(runs, found, strict=True):
            run.ids = ids
    return [_join(plan, tokenizer) for plan in plans]


def end_ids(prompt: Prompt, tokenizer: Tokenizer) -> list[int]:
    """Tokens that close the prompt's answer; none where answers have no end."""
    ids: list[int] = []
    for part in _end(prompt, tokenizer):
        ids += [part] if isinstance(part, int) else tokenizer.encode([part.text], continues=True)[0]
    return ids


def collate(
    encoded: Sequence[Encoded], pad_id: int, side: Literal["left", "right"] = "left"
) -> Batch:
    """A batch of encoded prompts, as whole numbers.

    Returns:
        ``input_ids`` [b, l]; ``attention_mask`` [b, l] 1 at real positions; ``position_ids``
        [b, l] counted over real positions; ``labels`` [b, l] the answer and its end, and
        ``IGNORED`` everywhere else (not shifted); ``slot_mask`` [b, l] true where a vector goes;
        ``slots`` [s] the index of each slot, in reading order.
    """
    lengths = torch.tensor([len(one.ids) for one in encoded])
    length = int(lengths.max()) if len(encoded) else 0
    shape = (len(encoded), length)
    ids = torch.full(shape, pad_id)
    mask = torch.zeros(shape, dtype=torch.long)
    positions = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    slot_mask = torch.zeros(shape, dtype=torch.bool)
    for row, one in enumerate(encoded):
        n = len(one.ids)
        start = length - n if side == "left" else 0
        ids[row, start : start + n] = torch.tensor(one.ids)
        mask[row, start : start + n] = 1
        positions[row, start : start + n] = torch.arange(n)
        labels[row, start + one.answer : start + n] = torch.tensor(one.ids[one.answer :])
        for position, slot in one.slots:
            slot_mask[row, start + position : start + position + slot.width] = True
    labels[slot_mask] = IGNORED  # a vector is no token that could be foretold
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "position_ids": positions,
        "labels": labels,
        "slot_mask": slot_mask,
        "slots": torch.tensor(
            [slot.index for one in encoded for _, slot in one.slots], dtype=torch.long
        ),
    }


def splice(
    backbone: Backbone,
    input_ids: torch.Tensor,
    slot_mask: torch.Tensor,
    vectors: torch.Tensor | None = None,
) -> torch.Tensor:
    """[b, l, h] embeddings of the tokens, with *vectors* at the slots.

    Args:
        vectors: [s, h], or [s, width, h] for wide slots, in the order of ``slots``; gradients
            flow into them.

    Raises:
        ConfigError: there are more or fewer vectors than room for them.
    """
    embeddings = backbone.embed_tokens(input_ids)
    room = int(slot_mask.sum())
    if vectors is None:
        vectors = embeddings.new_zeros((0, embeddings.shape[-1]))
    vectors = vectors.reshape(-1, vectors.shape[-1])  # [n, h]
    if vectors.shape != (room, embeddings.shape[-1]):
        raise ConfigError(
            f"the prompts have room for {room} vectors of width {embeddings.shape[-1]}, "
            f"but got {tuple(vectors.shape)}"
        )
    if room == 0:
        return embeddings
    return embeddings.masked_scatter(slot_mask.unsqueeze(-1), vectors.to(embeddings.dtype))


@dataclass
class _Run:
    """Text to be tokenised as one."""

    text: str
    first: bool
    ids: list[int] = field(default_factory=list)


_Part = _Run | Slot | int
_ANSWER = -1  # where the answer starts, among the ids of a plan


def _plan(prompt: Prompt, tokenizer: Tokenizer) -> list[_Part]:
    parts: list[_Part] = []
    for span in prompt.spans:
        if isinstance(span, Slot):
            parts.append(span)
        elif isinstance(span, Markup):
            for piece in tokenizer.split_markup(span.text):
                _add(parts, piece)
        else:
            _add(parts, span.text)
    if tokenizer.bos_id is not None and (not parts or parts[0] != tokenizer.bos_id):
        parts.insert(0, tokenizer.bos_id)  # a chat template may have written it already
    if prompt.answer is not None:
        parts += [_ANSWER, _Run(prompt.answer, first=False)]
        parts += _end(prompt, tokenizer)
    return parts


def _add(parts: list[_Part], piece: str | int) -> None:
    if isinstance(piece, int):
        parts.append(piece)
    elif piece and parts and isinstance(parts[-1], _Run):
        parts[-1].text += piece
    elif piece:
        parts.append(_Run(piece, first=not parts))


def _end(prompt: Prompt, tokenizer: Tokenizer) -> list[_Run | int]:
    if prompt.end is None:
        return [] if tokenizer.eos_id is None else [tokenizer.eos_id]
    parts: list[_Run | int] = []
    for piece in tokenizer.split_markup(prompt.end):
        parts.append(piece if isinstance(piece, int) else _Run(piece, first=False))
    return parts


def _join(plan: list[_Part], tokenizer: Tokenizer) -> Encoded:
    encoded = Encoded()
    answer = None
    for part in plan:
        if isinstance(part, Slot):
            encoded.slots.append((len(encoded.ids), part))
            encoded.ids += [tokenizer.pad_id] * part.width
        elif isinstance(part, _Run):
            encoded.ids += part.ids
        elif part == _ANSWER:
            _begin(encoded, tokenizer)
            answer = len(encoded.ids)
        else:
            encoded.ids.append(part)
    _begin(encoded, tokenizer)
    encoded.answer = len(encoded.ids) if answer is None else answer
    return encoded


def _begin(encoded: Encoded, tokenizer: Tokenizer) -> None:
    """Give an empty prompt a first position: the model must read something to answer."""
    if not encoded.ids:
        encoded.ids.append(tokenizer.pad_id)
