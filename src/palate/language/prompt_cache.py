"""Prompts that were read once, and trees of tokens tried after them.

A beam search reads the same prompt for every beam, and the candidates of a ranking share theirs
too. Here a prompt is read once. What follows it is a tree: each new token says which earlier new
tokens it sees, so that beams part and merge without a key or a value being copied.

Legend: b prompts, l length, p prompt length with padding, n new tokens, t new tokens so far,
h hidden size, v vocabulary.
"""

from __future__ import annotations

from typing import Any, Self

import torch

from palate.language.backbone import Backbone, positions


class PromptCache:
    """Keys and values of a batch of prompts, and of the tree of tokens that follow each.

    Attributes:
        logits: [b, v] float32 scores of the token after each prompt.
        tried: t, the tokens of each tree so far.
    """

    def __init__(
        self,
        backbone: Backbone,
        inputs_embeds: torch.Tensor,
        attention_mask: torch.Tensor,
        prefix: PromptPrefix | None = None,
    ) -> None:
        """Read the prompts.

        Args:
            inputs_embeds: [b, l, h] token embeddings and vectors, padded on the left.
            attention_mask: [b, l] 1 at real positions.
            prefix: what all of them begin with, read already; not repeated in *inputs_embeds*.
        """
        from transformers import DynamicCache

        self.backbone = backbone
        batch = len(inputs_embeds)
        self._cache = DynamicCache()
        if prefix is not None:
            for layer, (keys, values) in enumerate(prefix.layers):
                several = (batch, -1, -1, -1)
                self._cache.update(keys.expand(several), values.expand(several), layer)
            before = attention_mask.new_ones(batch, prefix.length)
            attention_mask = torch.cat([before, attention_mask], 1)
        self.tried = 0
        self._real = attention_mask.bool()  # [b, p]
        self._lengths = attention_mask.sum(1)  # [b]
        self._positions = positions(attention_mask)  # [b, p + t]
        new = self._positions[:, -inputs_embeds.shape[1] :]
        mask: Any = attention_mask
        if prefix is not None and self._window is not None:
            # Padding stands between prefix and rest; transformers would count it into the window.
            causal = torch.ones(new.shape[1], mask.shape[1], dtype=torch.bool, device=mask.device)
            mask = self._masks((causal.tril(prefix.length) & self._real[:, None])[:, None], new)
        self.logits = self._run(inputs_embeds, mask, new, last=True)[:, -1]

    def extend(
        self, ids: torch.Tensor, depths: torch.Tensor | int, sees: torch.Tensor
    ) -> torch.Tensor:
        """Read new tokens after those of the prompts and of the trees.

        Args:
            ids: [b, n] new tokens.
            depths: [b, n] how many tokens of its tree come before each, or one number for all.
            sees: [b, n, t + n] which tokens of its tree each new one sees; itself among them.

        Returns:
            [b, n, v] float32 scores of what follows each new token.
        """
        batch, new = ids.shape
        at = (self._lengths[:, None] + depths).expand(batch, new)
        self._positions = torch.cat([self._positions, at], 1)
        self.tried += new
        seen = torch.cat([self._real[:, None].expand(batch, new, -1), sees], 2)[:, None]
        embeds = self.backbone.embed_tokens(ids)
        return self._run(embeds, self._masks(seen, at), at)

    def forget(self, tried: int = 0) -> None:
        """Take back the newest tokens of the trees, until *tried* of each are left."""
        if tried < self.tried:
            drop = self.tried - tried
            self._cache.crop(-drop)
            self._positions = self._positions[:, :-drop]
            self.tried = tried

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with some of the prompts alone.

        Args:
            rows: [kept] their positions in the batch.
        """
        self._cache.batch_select_indices(rows)
        for name in ("logits", "_real", "_lengths", "_positions"):
            setattr(self, name, getattr(self, name)[rows])

    def _run(
        self, embeds: torch.Tensor, mask: Any, at: torch.Tensor, last: bool = False
    ) -> torch.Tensor:
        model = self.backbone.model
        # By an index and not a slice: of a slice, which is not contiguous, torch makes the head's
        # product by copying its weights for every prompt.
        keep = torch.tensor([embeds.shape[1] - 1], device=embeds.device) if last else 0
        inputs = {"position_ids": at} if self.backbone.takes_positions else {}
        with torch.no_grad():
            logits: torch.Tensor = model(
                inputs_embeds=embeds.to(self.backbone.dtype),
                attention_mask=mask,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=keep,
                **inputs,
            ).logits
        return logits.float()

    def _masks(self, seen: torch.Tensor, at: torch.Tensor) -> Any:
        """What is added to attention scores; one mask for each kind of layer the model has."""
        if self._window is None:
            return self._added(seen)
        near = at[:, None, :, None] - self._positions[:, None, None, :] < self._window
        if not self._kinds:  # every layer is of the one kind
            return self._added(seen & near)
        return {"full_attention": self._added(seen), "sliding_attention": self._added(seen & near)}

    @property
    def _kinds(self) -> set[str]:
        return set(getattr(self.backbone.model.config, "layer_types", None) or ())

    @property
    def _window(self) -> int | None:
        """How far back layers of sliding attention see; None where there are none."""
        slides = not self._kinds or "sliding_attention" in self._kinds
        return getattr(self.backbone.model.config, "sliding_window", None) if slides else None

    def _added(self, seen: torch.Tensor) -> torch.Tensor:
        dtype = self.backbone.dtype
        added = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
        return added.masked_fill_(~seen, torch.finfo(dtype).min)


class PromptPrefix:
    """What many prompts begin with, read once for all batches.

    Attributes:
        length: tokens of the prefix.
        layers: keys and values [1, heads, length, head width] of each layer.
    """

    def __init__(self, backbone: Backbone, ids: list[int]) -> None:
        tokens = torch.tensor([ids], device=backbone.device)
        whole = PromptCache(backbone, backbone.embed_tokens(tokens), torch.ones_like(tokens))
        self.length = len(ids)
        self.layers = [(layer.keys, layer.values) for layer in whole._cache.layers]

    @classmethod
    def shared_by(cls, backbone: Backbone, prompts: list[list[int]]) -> Self | None:
        """The prefix of all *prompts*, or None if it is too short to be worth it."""
        first, last = min(prompts), max(prompts)
        length = next(
            (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
            min(len(first), len(last)),
        )
        return cls(backbone, first[:length]) if length >= 8 else None
