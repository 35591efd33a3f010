"""Students that learn from teachers: what teachers say, cached, and the training.

Reconstruction of CKD-MDSR (arXiv:2401.00797); see ``palate.training.distillation``.

Legend: e training events, n events that teachers are asked about, i items of the catalogue,
k teachers, m instances of a batch, c candidates, d width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.progress import Progress
from torch import nn

from palate.data.cases import Histories, Indices, Split
from palate.data.questions import Questions
from palate.data.sources.cache import cache_folder
from palate.errors import ConfigError
from palate.recommenders.base import FitContext, Recommender, Represents
from palate.recommenders.pupils import Distils, LearnsTargets, PupilNet
from palate.training.distillation import (
    Curriculum,
    DistilConfig,
    Pacing,
    calibrated,
    difficulty,
    distillation_loss,
    teacher_weights,
)
from palate.training.fit import Learned, Validation, fit

CHUNK = 256  # histories that a teacher scores at a time


@dataclass(frozen=True)
class Knowledge:
    """What one teacher says about some histories.

    Attributes:
        temperature: its scores are divided by it, calibrated on validation.
        scores: [n, i] of the whole catalogue; or None, where vectors say the same.
        users: [n, d] vector of each history, where it has such; items: [i, d] of each item.
    """

    name: str
    temperature: float
    scores: np.ndarray | None
    users: np.ndarray | None = None
    items: np.ndarray | None = None

    def of(self, rows: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """[m, c] scores of candidates for the histories at *rows*."""
        if self.scores is not None:
            found = np.asarray(self.scores[rows][:, candidates], dtype=np.float32)
        else:
            assert self.users is not None
            assert self.items is not None
            found = self.users[rows] @ self.items[candidates].T
        scaled: np.ndarray = found / self.temperature
        return scaled


@dataclass(frozen=True)
class Lessons:
    """What all teachers say.

    Attributes:
        row_of: [e] row of each training event in what teachers said; -1 where none was asked.
        teachers: one or more.
    """

    row_of: np.ndarray
    teachers: Sequence[Knowledge]


def lessons(
    teachers: Sequence[tuple[str, str, Recommender]],
    split: Split,
    config: DistilConfig,
    seed: int,
    progress: bool = False,
) -> Lessons:
    """Ask all teachers about the same training events, each from the events before it.

    Args:
        teachers: of each a name, a key of its weights and data, and itself.
    """
    sequences = split.train.sequences()
    asked = Questions.about(sequences, sequences.places()).some(config.instances, seed)
    histories = asked.cases().histories
    row_of = np.full(len(sequences.items), -1, dtype=np.int64)
    row_of[asked.places] = np.arange(len(asked))
    mark = hashlib.sha256(asked.places.tobytes()).hexdigest()[:12]
    found = [
        _known(name, f"{key}-{mark}", teacher, histories, split, progress)
        for name, key, teacher in teachers
    ]
    return Lessons(row_of, found)


def _known(
    name: str, key: str, teacher: Recommender, histories: Histories, split: Split, progress: bool
) -> Knowledge:
    """What a teacher says, out of the user's cache where it said so before."""
    folder = cache_folder("teachers") / key
    vectors = isinstance(teacher, Represents) and _represents(teacher, split)
    if not (folder / "calibration.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if vectors:
            assert isinstance(teacher, Represents)
            _save(folder / "items.npy", teacher.item_representations())
            _ask(folder / "users.npy", teacher.representations, histories, name, progress)
        else:
            _ask(folder / "scores.npy", teacher.score, histories, name, progress, np.float16)
        _save(folder / "calibration.npy", np.array(_temperature(teacher, split)))
    temperature = float(np.load(folder / "calibration.npy"))
    if vectors:
        users, items = (np.load(folder / f"{what}.npy") for what in ("users", "items"))
        return Knowledge(name, temperature, None, users, items)
    return Knowledge(name, temperature, np.load(folder / "scores.npy", mmap_mode="r"))


def _represents(teacher: Represents, split: Split) -> bool:
    """Whether it can, which some of its settings may forbid."""
    try:
        teacher.representations(split.validation.histories.take(np.arange(1)))
    except ConfigError:
        return False
    return True


def _ask(
    path: Path,
    say: Any,
    histories: Histories,
    name: str,
    progress: bool,
    dtype: Any = np.float32,
) -> None:
    """Write what *say* gives for all histories, a chunk at a time."""
    staged = path.with_suffix(".staged.npy")
    file: np.memmap | None = None
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not progress) as bar:
        task = bar.add_task(f"{name} teaches", total=len(histories))
        for start in range(0, len(histories), CHUNK):
            part = histories.take(np.arange(start, min(start + CHUNK, len(histories))))
            found = say(part)
            if dtype == np.float16:  # ranks of each row matter, and a scale that halves can hold
                found = found - found.max(axis=1, keepdims=True)
                found = found.clip(np.finfo(np.float16).min)
            if file is None:
                shape = (len(histories), found.shape[1])
                file = np.lib.format.open_memmap(staged, "w+", dtype, shape)
            file[start : start + len(part)] = found
            bar.advance(task, len(part))
    assert file is not None
    file.flush()
    staged.replace(path)


def _save(path: Path, values: np.ndarray) -> None:
    staged = path.with_suffix(".staged.npy")
    np.save(staged, values)
    staged.replace(path)


def _temperature(teacher: Recommender, split: Split) -> float:
    """Calibrated among the targets of some validation cases."""
    some = split.validation.some(2 * CHUNK, 0)
    candidates, correct = np.unique(some.targets, return_inverse=True)
    return calibrated(teacher.score(some.histories)[:, candidates], correct)


class DistillationNet(nn.Module):
    """A student's net with the teachers' loss beside its own."""

    def __init__(self, net: PupilNet, told: Lessons, config: DistilConfig) -> None:
        super().__init__()
        self.net, self.told = net, told
        self.settings = config  # a Trainer would take a `config` for that of a language model
        self.maps = nn.ModuleList()
        if config.features:
            if net.width is None or all(one.users is None for one in told.teachers):
                raise ConfigError(
                    "features wants a student with a state (sasrec, gru4rec, caser) and a teacher "
                    "that represents histories by vectors; leave it at 0"
                )
            self.maps.extend(
                nn.Linear(net.width, one.users.shape[1])
                for one in told.teachers
                if one.users is not None
            )

    def forward(self, **batch: torch.Tensor) -> dict[str, Any]:
        """The student's own loss, the teachers', and both together."""
        attempt = self.net.attempt(batch)
        if not self.settings.strength:
            return {"loss": attempt.loss}
        device = attempt.loss.device
        rows = torch.from_numpy(self.told.row_of[attempt.events.cpu().numpy()])
        taught = torch.nonzero(rows >= 0)[:, 0]
        taught = taught[torch.randperm(len(taught))[: self.settings.batch]]
        if len(taught) < 2:
            return {"loss": attempt.loss}
        asked = rows[taught].numpy()
        taught = taught.to(device)
        candidates, correct = attempt.positives[taught].unique(return_inverse=True)
        chosen = candidates.cpu().numpy()
        teachers = torch.from_numpy(np.stack([one.of(asked, chosen) for one in self.told.teachers]))
        student = attempt.score(taught, candidates).float()
        loss = distillation_loss(student, teachers.to(device), correct, self.settings)
        total = attempt.loss + self.settings.strength * loss
        if self.settings.features and attempt.states is not None:
            total = total + self.settings.features * self._apart(attempt.states[taught], asked)
        return {"loss": total}

    def _apart(self, states: torch.Tensor, asked: np.ndarray) -> torch.Tensor:
        """Mean over teachers of 1 - cosine of the mapped state and the teacher's vector."""
        vectors = [one.users for one in self.told.teachers if one.users is not None]
        parts = [
            1
            - F.cosine_similarity(
                change(states), torch.from_numpy(users[asked]).to(states.device), dim=-1
            ).mean()
            for change, users in zip(self.maps, vectors, strict=True)
        ]
        return torch.stack(parts).mean()


def taught(
    student: Distils | LearnsTargets,
    told: Lessons,
    split: Split,
    config: DistilConfig,
    context: FitContext,
) -> Learned | None:
    """Train a student on the split and on what its teachers said; it ends at its best epoch.

    A student in closed form learns in one step, without a curriculum, and of it there is nothing
    to tell.

    Raises:
        ConfigError: a setting that the student cannot learn by.
    """
    if isinstance(student, LearnsTargets):
        student.fit_to(split, partial(blended, told, split, config, context.seed))
        return None
    pupil = student.pupil(split, context)
    data: Any = pupil.data
    callbacks = []
    if config.curriculum != "none":
        hardness = difficulty(pupil.lengths, pupil.popularity, config)
        data = Curriculum(pupil.data, hardness, config, context.seed)
        callbacks.append(Pacing(data, config))
    net = DistillationNet(pupil.net, told, config).to(next(pupil.net.parameters()).device)
    learned = fit(
        net,
        data,
        pupil.collate,
        student.config,
        Validation(split.validation, student.score),
        context,
        None if config.features else pupil.groups,
        callbacks,
    )
    student.learned = learned  # type: ignore[attr-defined]
    return learned


def blended(
    told: Lessons, split: Split, config: DistilConfig, seed: int, places: Indices
) -> np.ndarray:
    """[m, i] what came next at some training events, and what teachers made of it: ``(y + s p) /
    (1 + s)`` with *s* the strength and *p* the teachers' weighted probabilities; *y* alone where
    no teacher was asked.

    Raises:
        ConfigError: features, or a control without teachers.
    """
    if config.features or config.control not in ("none", "permuted"):
        raise ConfigError(
            "a student in closed form learns from probabilities alone: leave distil.features at 0, "
            "and distil.control at none or permuted"
        )
    items = torch.from_numpy(split.train.sequences().items[places])
    targets = torch.zeros(len(places), split.n_items)
    targets[torch.arange(len(places)), items] = 1
    rows = told.row_of[places]
    if config.control == "permuted":
        mixed = np.random.default_rng(seed).permutation(int(told.row_of.max()) + 1)
        rows = np.where(rows >= 0, mixed[rows], -1)
    everything = np.arange(split.n_items)
    for at in np.array_split(np.flatnonzero(rows >= 0), max(1, len(places) // CHUNK)):
        scores = np.stack([one.of(rows[at], everything) for one in told.teachers])
        likely = (torch.from_numpy(scores) / config.temperature).softmax(-1)  # [k, m, i]
        weights = teacher_weights(likely, items[at], config)
        mean = (weights[..., None] * likely).sum(0)
        targets[at] = (targets[at] + config.strength * mean) / (1 + config.strength)
    return targets.numpy()
