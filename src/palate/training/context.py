"""What surrounds one training: seed, folder, progress."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FitContext:
    """What surrounds one training.

    Attributes:
        seed: of every random choice.
        folder: where checkpoints may be written; None keeps them in a temporary folder.
        resume: continue from the newest checkpoint in *folder*.
        progress: show progress bars.
    """

    seed: int = 0
    folder: Path | None = None
    resume: bool = False
    progress: bool = False
