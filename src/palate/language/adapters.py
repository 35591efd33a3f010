"""Named low-rank adapters (LoRA) on a language model, through peft.

A saved adapter is a folder that peft itself can read: ``adapter_config.json`` and
``adapter_model.safetensors``.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any, Literal

import torch
from pydantic import Field
from safetensors.torch import load_file, save_file

from palate.config import Config
from palate.errors import ConfigError, RunError
from palate.language.low_rank import low_rank

PREFIX = "base_model.model."  # what peft puts before each name in its files
WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"


class AdapterConfig(Config):
    """Settings of a LoRA adapter."""

    rank: int = Field(8, ge=1)
    """Rank of each update."""
    alpha: float = Field(16.0, gt=0)
    """Updates are scaled by alpha / rank."""
    dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout before each update, in training."""
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """Names of the layers that are adapted, or all linear layers but the head."""


class Adapters:
    """The adapters of one model: at most one is active, and the model without any is one away."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._configs: dict[str, AdapterConfig] = {}
        self.active: str | None = None

    @property
    def names(self) -> list[str]:
        """Adapters there are, in the order they were added."""
        return list(self._configs)

    def add(self, name: str, config: AdapterConfig | None = None, seed: int = 0) -> None:
        """Add a fresh adapter and activate it; a fresh one changes nothing until trained.

        All other weights of the model stop asking for gradients.

        Raises:
            ConfigError: the name is taken or not usable, or a target does not exist.
        """
        from peft import inject_adapter_in_model

        if name in self._configs:
            raise ConfigError(f"an adapter is called '{name}' already")
        if not name.isidentifier():
            raise ConfigError(f"adapter name '{name}': use letters, digits and underscores")
        config = config or AdapterConfig()
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # as it should be
            torch.manual_seed(seed)
            try:
                inject_adapter_in_model(self._lora(config), self.model, name)
            except ValueError as error:
                getattr(self.model, "peft_config", {}).pop(name, None)
                raise ConfigError(f"adapter '{name}': {error}") from error
        self._configs[name] = config
        for layer in self._layers():
            layer.forward = MethodType(_forward, layer)
        for parameter in self.tensors(name).values():
            parameter.data = parameter.data.float()  # small steps vanish in bf16
        self.activate(name)

    def _lora(self, config: AdapterConfig) -> Any:
        from peft import LoraConfig
        from transformers.pytorch_utils import Conv1D

        targets = config.targets if isinstance(config.targets, str) else list(config.targets)
        return LoraConfig(
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=targets,
            task_type="CAUSAL_LM",
            # GPT-2 and its kin keep their matrices transposed.
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in self.model.modules()),
        )

    def activate(self, name: str | None) -> None:
        """Make one adapter the active and trainable one; None gives the bare model."""
        if name is not None and name not in self._configs:
            raise ConfigError(f"no adapter is called '{name}'; there are {self.names}")
        for layer in self._layers():
            layer.enable_adapters(name is not None)
            if name is not None:
                layer.set_adapter(name)
        self.active = name

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """The bare model while this is open; then the adapter that was active, as it was."""
        name = self.active
        grads = {key: value.requires_grad for key, value in self.model.named_parameters()}
        self.activate(None)
        try:
            yield
        finally:
            self.activate(name)
            for key, value in self.model.named_parameters():
                value.requires_grad_(grads[key])

    @contextmanager
    def merged(self) -> Iterator[None]:
        """The active adapter added into the model's weights while this is open: half the work.

        The weights are put back bit by bit afterwards, from a copy in the machine's memory.
        Rounded to the model's number format, sums differ from two passes by what that format
        tells apart.
        """
        name = self.active
        if name is None:
            yield
            return
        kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        with torch.no_grad(), self.disabled():
            try:
                for layer in self._layers():
                    weight = layer.get_base_layer().weight
                    kept.append((weight, weight.detach().to("cpu", copy=True)))
                    weight.add_(layer.get_delta_weight(name).to(weight.dtype))
                yield
            finally:
                for weight, before in kept:
                    weight.copy_(before)

    def tensors(self, name: str) -> dict[str, torch.nn.Parameter]:
        """The adapter's own weights, by their name in the model without the adapter's name."""
        mark = f".{name}."
        return {
            key.replace(mark, "."): value
            for key, value in self.model.named_parameters()
            if "lora_" in key and mark in key
        }

    def save(self, name: str, folder: Path) -> None:
        """Write the adapter, read it back, and compare.

        Raises:
            RunError: the adapter changes nothing (it was never trained, or its weights were not
                collected), or what was written differs.
        """
        tensors = {key: value.detach().cpu() for key, value in self.tensors(name).items()}
        ups = [value for key, value in tensors.items() if "lora_B" in key]
        if not any(bool(value.any()) for value in ups):
            raise RunError(f"adapter '{name}' is all zero: it was not trained, so it is not saved")
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {PREFIX + key: value.contiguous() for key, value in tensors.items()}, folder / WEIGHTS
        )
        lora = self.model.peft_config[name]
        lora.inference_mode = True
        lora.save_pretrained(folder)
        lora.inference_mode = False
        written = load_file(folder / WEIGHTS)
        if not all(torch.equal(written[PREFIX + key], value) for key, value in tensors.items()):
            raise RunError(f"{folder}: the adapter that was written is not the one in memory")

    def load(self, name: str, folder: Path) -> None:
        """Add the adapter that was saved in *folder* under a name of its own, and activate it.

        Raises:
            RunError: the folder holds no adapter, or one for another model.
        """
        if not (folder / WEIGHTS).exists() or not (folder / SETTINGS).exists():
            raise RunError(f"{folder}: no adapter here ({SETTINGS} and {WEIGHTS})")
        told = json.loads((folder / SETTINGS).read_text())
        written = {
            key.removeprefix(PREFIX): value for key, value in load_file(folder / WEIGHTS).items()
        }
        config = AdapterConfig(
            rank=told["r"],
            alpha=told["lora_alpha"],
            dropout=told["lora_dropout"],
            targets=tuple(sorted({key.rpartition(".lora_")[0] for key in written})),
        )
        try:
            self.add(name, config)
        except ConfigError as error:
            raise RunError(f"{folder}: adapter of another model: {error}") from error
        tensors = self.tensors(name)
        if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in written.items()}:
            self.delete(name)
            raise RunError(f"{folder}: adapter of another model: names or sizes differ")
        with torch.no_grad():
            for key, value in tensors.items():
                value.copy_(written[key])

    def delete(self, name: str) -> None:
        """Forget an adapter; the bare model becomes active if it was."""
        if name == self.active:
            self.activate(None)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*was active which is now deleted")
            for layer in self._layers():
                layer.delete_adapter(name)
        del self._configs[name], self.model.peft_config[name]

    def describe_active(self) -> dict[str, Any] | None:
        """Settings of the active adapter that decide what the model computes."""
        if self.active is None:
            return None
        config = self._configs[self.active]
        return {"scale": config.alpha / config.rank}

    def base_and_active(self) -> Iterator[tuple[str, torch.Tensor]]:
        """The model's own weights under their own names, then the active adapter's."""
        for key, value in self.model.named_parameters():
            if "lora_" not in key:
                yield key.replace(".base_layer.", "."), value
        if self.active is not None:
            yield from self.tensors(self.active).items()

    def _layers(self) -> list[Any]:
        from peft.tuners.tuners_utils import BaseTunerLayer

        return [module for module in self.model.modules() if isinstance(module, BaseTunerLayer)]


def _forward(layer: Any, x: torch.Tensor, *args: Any, **more: Any) -> torch.Tensor:
    """What peft's layer computes; where it learns on a CPU, in fewer passes."""
    base = layer.get_base_layer()
    if (
        layer.disable_adapters
        or not (layer.training and torch.is_grad_enabled())
        or x.device.type != "cpu"
        or not isinstance(base, torch.nn.Linear)
        or base.weight.requires_grad
    ):
        found: torch.Tensor = type(layer).forward(layer, x, *args, **more)
        return found
    (name,) = layer.active_adapters
    down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
    p = getattr(layer.lora_dropout[name], "p", 0.0)  # none where nothing is dropped
    cast = torch.is_autocast_enabled("cpu")
    dtype = torch.get_autocast_dtype("cpu") if cast else base.weight.dtype
    bias = None if base.bias is None else base.bias.to(dtype)
    return low_rank(x.to(dtype), base.weight.to(dtype), bias, down, up, layer.scaling[name], p)
