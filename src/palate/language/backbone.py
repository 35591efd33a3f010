"""The language model: tokenizer, causal model and named adapters, read in parts.

Legend: b batch, l length, h hidden size, v vocabulary, k kept positions.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import nn

from palate.errors import ConfigError
from palate.language.adapters import Adapters
from palate.language.precision import Precision, choose_device, choose_dtype
from palate.language.quiet import quiet
from palate.language.tokenizer import Tokenizer
from palate.language.weights import resolve

IGNORED = -100
"""Label of a position that the loss leaves out."""

SAMPLED = 4096  # token embeddings that are looked at to learn their size


class Backbone(nn.Module):
    """A causal language model of any architecture that transformers knows.

    A module, so that a recommender that holds one trains, moves and freezes it with the rest:
    ``backbone.requires_grad_(False)`` freezes it.

    Attributes:
        model: the transformers causal language model.
        tokenizer: its :class:`~palate.language.tokenizer.Tokenizer`.
        name: what it was loaded from.
        adapters: its named :class:`~palate.language.adapters.Adapters`.
        takes_positions: the layers count positions as they are told, not from the mask.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, name: str) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer
        self.name = name
        self.adapters = Adapters(model)
        parameters = inspect.signature(self.decoder.forward).parameters
        self.takes_positions = "position_ids" in parameters

    @classmethod
    def load(
        cls,
        model: str,
        *,
        layers: int | None = None,
        precision: Precision = "auto",
        device: str = "auto",
        gradient_checkpointing: bool = False,
    ) -> Self:
        """The model with its weights, in evaluation mode.

        Args:
            model: a known name, folder, hub id or GGUF file; see :func:`.weights.resolve`.
            layers: keep only the first layers, followed by the model's final norm; the others
                are never read from the disk.
            precision: of the weights; auto is bf16 where the device computes it in hardware.
                Use fp32 to train the weights themselves (under autocast for speed): steps of a
                small learning rate vanish in bf16. Adapters are kept in fp32 in any case.
            device: ``auto`` is the first GPU, else the CPU.
            gradient_checkpointing: recompute activations in the backward pass, for memory.

        Raises:
            ConfigError: no such model, or it has fewer layers.
        """
        from transformers import AutoModelForCausalLM

        place = resolve(model)
        where = choose_device(device)
        with quiet():
            config = _config(place, model, layers)
            loaded = AutoModelForCausalLM.from_pretrained(
                place, config=config, dtype=choose_dtype(precision, where)
            )
        return cls._finish(loaded, place, model, where, gradient_checkpointing)

    @classmethod
    def random(
        cls,
        model: str,
        layers: int | None = None,
        seed: int = 0,
        *,
        precision: Precision = "auto",
        device: str = "auto",
        gradient_checkpointing: bool = False,
    ) -> Self:
        """The same architecture and tokenizer with fresh random weights; arguments as in load."""
        from transformers import AutoModelForCausalLM

        place = resolve(model)
        where = choose_device(device)
        with quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fresh = AutoModelForCausalLM.from_config(
                _config(place, model, layers), dtype=torch.float32
            )
        fresh = fresh.to(choose_dtype(precision, where))
        return cls._finish(fresh, place, model, where, gradient_checkpointing)

    @classmethod
    def _finish(
        cls, model: Any, place: str, name: str, device: torch.device, checkpointing: bool
    ) -> Self:
        from transformers import AutoTokenizer

        with quiet():
            tokenizer = Tokenizer(AutoTokenizer.from_pretrained(place))
        if checkpointing:
            # Named otherwise by older versions of transformers.
            enable = getattr(model, "activation_checkpointing_enable", None)
            (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
        return cls(model.to(device).eval(), tokenizer, name)

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states and of what goes into a vector slot."""
        return self.embed_tokens.weight.shape[1]

    @property
    def layers(self) -> int:
        """Number of layers of the stack."""
        return self.model.config.num_hidden_layers

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embed_tokens.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return self.embed_tokens.weight.dtype

    @property
    def embed_tokens(self) -> Any:
        """The input embeddings, a module: ids [b, l] -> [b, l, h], scaled as the model wants."""
        return self.model.get_input_embeddings()

    @property
    def embedding_size(self) -> float:
        """Root mean square of what the layers are given for a token: the size for vectors."""
        count = self.embed_tokens.weight.shape[0]
        ids = torch.linspace(0, count - 1, min(count, SAMPLED), device=self.device).long()
        with torch.no_grad():
            return float(self.embed_tokens(ids).float().square().mean().sqrt())

    @property
    def decoder(self) -> Any:
        """The stack of layers with its final norm, without the language-model head."""
        return self.model.base_model

    def hidden(
        self,
        inputs_embeds: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """[b, l, h] hidden states after the final norm; the head is not run.

        Args:
            inputs_embeds: [b, l, h] token embeddings, vectors, or a mix.
            attention_mask: [b, l] 1 at real positions, padding on either side.
            position_ids: [b, l] counted from the mask if not given.
        """
        return self.decoder(
            **self._inputs(inputs_embeds, attention_mask, position_ids)
        ).last_hidden_state

    def forward(
        self,
        inputs_embeds: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor | None = None,
        keep: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """[b, l, v] next-token scores, or [b, k, v] at the positions *keep* [k] alone."""
        inputs = self._inputs(inputs_embeds, attention_mask, position_ids)
        return self.model(**inputs, logits_to_keep=0 if keep is None else keep).logits

    def answer_loss(
        self,
        inputs_embeds: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor | None,
        labels: torch.Tensor,
    ) -> torch.Tensor:
        """Mean cross-entropy of the labelled tokens given all before them.

        The head, the dearest part of a small model, runs only where some row has a label.

        Args:
            labels: [b, l] the token at each position, ``IGNORED`` where it is not learned; not
                shifted.
        """
        targets = labels[:, 1:]
        keep = (targets != IGNORED).any(0).nonzero().squeeze(1)  # [k]
        scores = self(inputs_embeds, attention_mask, position_ids, keep)  # [b, k, v]
        return F.cross_entropy(
            scores.flatten(0, 1).float(), targets[:, keep].flatten(), ignore_index=IGNORED
        )

    def _inputs(
        self,
        inputs_embeds: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor | None,
    ) -> dict[str, Any]:
        inputs: dict[str, Any] = {
            "inputs_embeds": inputs_embeds.to(self.dtype),
            "attention_mask": attention_mask,
            "use_cache": False,
        }
        if self.takes_positions:
            if position_ids is None:
                position_ids = positions(attention_mask)
            inputs["position_ids"] = position_ids
        return inputs

    def attend(self, how: Literal["sdpa", "eager"]) -> None:
        """Compute attention fused (sdpa) or step by step; up to rounding, both give the same."""
        if self.model.config._attn_implementation != how:
            self.model.set_attn_implementation(how)

    @contextmanager
    def first_layers(self, layers: int | None) -> Iterator[None]:
        """The stack cut to its first *layers*, as if loaded so, while this is open."""
        if layers is None or layers == self.layers:
            yield
            return
        full = self.layers
        _check_layers(self.name, layers, full)
        holder, attribute = layer_stack(self.decoder, full)
        stack = getattr(holder, attribute)
        setattr(holder, attribute, stack[:layers])
        self.model.config.num_hidden_layers = layers
        try:
            yield
        finally:
            setattr(holder, attribute, stack)
            self.model.config.num_hidden_layers = full

    def fingerprint(self) -> str:
        """Hash of all that decides hidden states: weights, active adapter, tokenizer, precision.

        Computed from the values at hand, so training in place changes it.
        """
        config = self.model.config.to_diff_dict()
        for label in ("_name_or_path", "transformers_version"):
            config.pop(label, None)
        told = [config, self.layers, str(self.dtype), self.tokenizer.fingerprint]
        told.append(self.adapters.describe_active())
        digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
        for name, value in self.adapters.base_and_active():
            digest.update(f"{name}{tuple(value.shape)}".encode())
            raw = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(raw.numpy().data)
        return digest.hexdigest()


def positions(attention_mask: torch.Tensor) -> torch.Tensor:
    """[b, l] position of each real token among the real ones; 0 at padding."""
    return (attention_mask.long().cumsum(1) - 1).clamp(min=0)


def _config(place: str, name: str, layers: int | None) -> Any:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(place)
    if layers is not None:
        _check_layers(name, layers, config.num_hidden_layers)
        config.num_hidden_layers = layers
        if getattr(config, "layer_types", None) is not None:
            config.layer_types = config.layer_types[:layers]
    return config


def _check_layers(name: str, layers: int, there: int) -> None:
    if not 1 <= layers <= there:
        raise ConfigError(f"model '{name}' has {there} layers; layers={layers} is not possible")


def layer_stack(decoder: nn.Module, layers: int) -> tuple[nn.Module, str]:
    """Where the list of layers hangs: the outermost module list of that length."""
    for path, module in decoder.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            parent, _, attribute = path.rpartition(".")
            return decoder.get_submodule(parent), attribute
    raise ConfigError(f"{type(decoder).__name__}: found no list of {layers} layers")
