"""What every trained method is, whatever it recommends: settings, what it learned, files."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import load_file, save_file

from palate.config import Config
from palate.errors import RunError

_Config = Config  # the name, inside the class, is the method's own


class Stored(ABC):
    """Something that learns, and that is kept in ``model.safetensors`` and ``recommender.json``.

    Subclasses give ``name``, ``summary``, a ``Config`` and :meth:`state`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[Config]] = Config
    deterministic: ClassVar[bool] = False
    """True where fit() comes to the same model whatever the seed: one training is enough."""

    def __init__(self, config: _Config | None = None) -> None:
        self.config: Any = config if config is not None else self.Config()

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """All that fit() learned, as named tensors."""

    @property
    def parameters(self) -> int:
        """Number of learned values."""
        return sum(tensor.numel() for tensor in self.state().values())

    @property
    def trainable_parameters(self) -> int:
        """Number of values that training may change; all of them unless the model says less."""
        return self.parameters

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and ``recommender.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {key: value.detach().cpu().contiguous() for key, value in self.state().items()}
        save_file(tensors, folder / "model.safetensors")
        card = {"method": self.name, "config": self.config.model_dump(mode="json")}
        (folder / "recommender.json").write_text(json.dumps(card, indent=2) + "\n")

    @classmethod
    def stored(cls, folder: Path) -> tuple[Self, dict[str, torch.Tensor]]:
        """One with the settings that :meth:`save` wrote, and what it learned, not yet taken back.

        Raises:
            RunError: the folder holds no saved recommender.
        """
        path = folder / "recommender.json"
        if not path.exists():
            raise RunError(f"{folder}: no recommender.json; was the training interrupted?")
        card = json.loads(path.read_text())
        return cls(cls.Config(**card["config"])), load_file(folder / "model.safetensors")
