"""The folder that ``palate pretrain`` writes, as the trainings that start from it read it.

``pretrained.safetensors`` holds the weights; ``pretrained.json`` the method, its settings, the
domains with their fingerprints, and on top of what the weights were learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from palate.config import Config
from palate.errors import ConfigError

WEIGHTS, CARD, BEGUN = "pretrained.safetensors", "pretrained.json", "begun.json"


@dataclass(frozen=True)
class Pretrained:
    """What came of a pre-training.

    Attributes:
        folder: where it is kept.
        card: ``pretrained.json``.
        tensors: the weights by name, on the CPU.
    """

    folder: Path
    card: Mapping[str, Any]
    tensors: dict[str, torch.Tensor]

    @classmethod
    def read(cls, folder: Path, method: str) -> Pretrained:
        """What *folder* holds.

        Raises:
            ConfigError: nothing, something unfinished or damaged, or the weights of another method.
        """
        if not (folder / CARD).is_file():
            raise ConfigError(f"pretrained={folder}: {_why_nothing(folder, method)}")
        try:
            card = json.loads((folder / CARD).read_text("utf-8"))
            tensors = load_file(folder / WEIGHTS)
        except (OSError, ValueError, SafetensorError) as error:
            raise ConfigError(
                f"pretrained={folder}: damaged ({error}); pre-train again into another folder"
            ) from error
        if card["method"] != method:
            raise ConfigError(
                f"pretrained={folder}: of {card['method']}, which {method} cannot start from; "
                f"make one with: palate pretrain {method}"
            )
        return cls(folder, card, tensors)

    def check(self, config: Config, names: Iterable[str], marks: Mapping[str, str]) -> None:
        """See that the weights fit a model.

        Args:
            names: the settings that decide what the weights mean; a dot reaches into a nested one.
            marks: what the model stands on, as it was noted of the weights.

        Raises:
            ConfigError: something differs; the message names it and the mend.
        """
        here, there = config.model_dump(mode="json"), self.card["settings"]
        differ = [name for name in names if _at(here, name) != _at(there, name)]
        if differ:
            told = ", ".join(f"{n}={_at(there, n)} there and {_at(here, n)}" for n in differ)
            mend = " ".join(f"--{n.replace('_', '-')} {_at(there, n)}" for n in differ)
            raise ConfigError(f"pretrained={self.folder}: {told} here; add {mend}")
        for name, value in marks.items():
            if self.card["marks"].get(name) != value:
                model = there.get("model")
                raise ConfigError(
                    f"pretrained={self.folder}: learned on another {name} ('{model}' there, "
                    f"'{here.get('model')}' here); add --model {model}, or pre-train again"
                )


def _why_nothing(folder: Path, method: str) -> str:
    if (folder / BEGUN).is_file():
        return f"its pre-training did not end; go on with: palate pretrain --resume {folder}"
    there = f"no {CARD} in it" if folder.is_dir() else "no such folder"
    return f"{there}; make one with: palate pretrain {method} --data … --out {folder}"


def _at(settings: Mapping[str, Any], name: str) -> str:
    """A setting's value as it is typed on the command line."""
    value: Any = settings
    for key in name.split("."):
        value = value[key]
    if isinstance(value, list):
        return "[" + ",".join(map(str, value)) + "]"
    return "null" if value is None else str(value)
