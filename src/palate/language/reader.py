"""A language model's layers as a reader of vectors: no vocabulary, no decoding.

Legend: b batch, l length, h hidden size.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from palate.language.adapters import AdapterConfig
from palate.language.backbone import Backbone, layer_stack, positions

ADAPTER = "reader"

Tuning = Literal["full", "lora", "frozen"]


class VectorReader(nn.Module):
    """The stack of a causal language model, run on vectors in place of token embeddings.

    Takes the backbone over: its token embeddings and head are let go, for nothing here needs them.

    Attributes:
        hidden_size: h.
        scale: standard deviation of the token embeddings that were let go: the size of vector
            that the layers were trained to read.
    """

    def __init__(
        self,
        backbone: Backbone,
        tuning: Tuning = "full",
        adapter: AdapterConfig | None = None,
        dropout: float = 0.0,
        gate: float | None = None,
        seed: int = 0,
    ) -> None:
        """
        Args:
            tuning: what training changes: all weights, a fresh adapter, or nothing.
            dropout: on what each layer adds to its input, in training.
            gate: what each layer adds is multiplied by a learned number that starts here, as in
                ReZero (Bachlechner et al., UAI 2021); None leaves the layers as they are.
        """
        super().__init__()
        self.hidden_size = backbone.hidden_size
        self.scale = float(backbone.embed_tokens.weight.detach().float().std())
        self.dropout = dropout
        self._takes_positions = backbone.takes_positions
        holder, attribute = layer_stack(backbone.decoder, backbone.layers)
        if tuning == "lora":
            backbone.adapters.add(ADAPTER, adapter, seed)
        self.decoder = backbone.decoder
        self.decoder.set_input_embeddings(nn.Identity())
        if tuning != "lora":
            self.decoder.requires_grad_(tuning == "full")
        layers = getattr(holder, attribute)
        self.gates = None if gate is None else nn.Parameter(torch.full((len(layers),), gate))
        if dropout or gate is not None:
            for number, layer in enumerate(layers):
                layer.register_forward_hook(partial(self._temper, number), with_kwargs=True)

    def _temper(self, number: int, layer: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        """What the layer adds to its input, gated and dropped out."""
        before = args[0] if args else kwargs["hidden_states"]
        after = output[0] if isinstance(output, tuple) else output
        added = F.dropout(after - before, self.dropout, self.training)
        if self.gates is not None:
            added = added * self.gates[number].to(added.dtype)
        tempered = before + added
        return (tempered, *output[1:]) if isinstance(output, tuple) else tempered

    def forward(self, vectors: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """[b, l, h] vectors -> [b, l, h] states after the final norm, each blind to what follows.

        Args:
            real: [b, l] True where there is something to read; padding on either side.
        """
        mask = real.long()
        inputs: dict[str, Any] = {"attention_mask": mask, "use_cache": False}
        if self._takes_positions:
            inputs["position_ids"] = positions(mask)
        states: torch.Tensor = self.decoder(inputs_embeds=vectors, **inputs).last_hidden_state
        return states
