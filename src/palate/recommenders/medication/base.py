"""The contract of every method that recommends medications.

Legend: p cases, v medications, f fields of a profile.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from palate.config import Config
from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import KINDS, Kind, MedicationCases, Vocabulary
from palate.errors import RunError
from palate.recommenders.stored import Stored
from palate.training.context import FitContext

TERMS = "terms.json"

Scores = npt.NDArray[np.float32]


class MedicationConfig(Config):
    """What every method of medication recommendation can be set to."""

    interaction_penalty: float = Field(0.0, ge=0)
    """When deciding what to recommend: what an interaction with a more probable medication costs.
    A medication is left out where its probability is above the threshold by less than this times
    its interactions; 0 leaves nothing out, 1 leaves no interaction."""


@dataclass(frozen=True)
class Terms:
    """What the numbers of codes and profile values mean, and which medications interact.

    Holds nothing of a patient: it is kept beside a model.

    Attributes:
        vocabularies: of each kind.
        profile_values: of each field of a profile the values by their number; 0 is unknown.
        interactions: [v, v] symmetric, without a diagonal.
    """

    vocabularies: Mapping[Kind, Vocabulary]
    profile_values: Mapping[str, tuple[str, ...]]
    interactions: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, split: HospitalSplit) -> Terms:
        """Those of a split."""
        hospital = split.hospital
        return cls(dict(hospital.vocabularies), dict(split.profile_values), hospital.interactions)

    @property
    def medications(self) -> Vocabulary:
        """What is recommended."""
        return self.vocabularies["medications"]

    @property
    def fields(self) -> tuple[int, ...]:
        """[f] number of values of each field of a profile, unknown among them."""
        return tuple(map(len, self.profile_values.values()))

    def sizes(self) -> dict[Kind, int]:
        """Number of codes of each kind."""
        return {kind: len(self.vocabularies[kind]) for kind in KINDS}

    def save(self, folder: Path) -> None:
        """Write ``terms.json``."""
        rows, columns = np.nonzero(np.triu(self.interactions))
        value = {
            "vocabularies": {
                kind: {"keys": one.keys, "names": one.names}
                for kind, one in self.vocabularies.items()
            },
            "profile_values": self.profile_values,
            "interactions": np.stack([rows, columns], 1).tolist(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TERMS).write_text(json.dumps(value, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Terms:
        """Read what :meth:`save` wrote.

        Raises:
            RunError: the folder has none.
        """
        try:
            value: dict[str, Any] = json.loads((folder / TERMS).read_text("utf-8"))
        except FileNotFoundError:
            raise RunError(f"{folder}: no {TERMS}; was the training interrupted?") from None
        vocabularies = {
            kind: Vocabulary(tuple(one["keys"]), tuple(one["names"]))
            for kind, one in value["vocabularies"].items()
        }
        size = len(vocabularies["medications"])
        interactions = np.zeros((size, size), dtype=bool)
        for row, column in value["interactions"]:
            interactions[row, column] = interactions[column, row] = True
        values = {name: tuple(known) for name, known in value["profile_values"].items()}
        return cls(vocabularies, values, interactions)


class MedicationRecommender(Stored):
    """Gives each medication a probability for the visit that is asked about.

    Subclasses give ``name``, ``summary``, a ``Config``, and the four methods below.
    """

    Config = MedicationConfig

    @abstractmethod
    def fit(self, split: HospitalSplit, context: FitContext = FitContext()) -> Self:  # noqa: B008
        """Learn from ``split.train``; choose by ``split.validation``; never touch the test."""

    @abstractmethod
    def score(self, cases: MedicationCases) -> Scores:
        """[p, v] a float32 probability of each medication; targets are never looked at."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """All that fit() learned, as named tensors."""

    @abstractmethod
    def load_state(self, state: dict[str, torch.Tensor], terms: Terms) -> None:
        """Take back what :meth:`state` gave."""

    @classmethod
    def load(cls, folder: Path, terms: Terms) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            RunError: the folder holds no saved recommender.
        """
        self, state = cls.stored(folder)
        self.load_state(state, terms)
        return self


def known_targets(cases: MedicationCases) -> npt.NDArray[np.bool_]:
    """[p, v] what was given, for training and judging."""
    if cases.target is None:
        raise ValueError("these cases hide what was given")
    return cases.target
