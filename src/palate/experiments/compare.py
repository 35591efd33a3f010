"""Several methods on one split: train them one after another, then set them side by side."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from palate.config import Config
from palate.errors import ConfigError, RunError
from palate.experiments.comparison import Comparison
from palate.experiments.environment import code_version, command_line, environment
from palate.experiments.kinds import Kind, kind_of, open_run
from palate.experiments.run import key
from palate.experiments.train import RUNS
from palate.experiments.worker import FAILURE, LOG, Job, run_job
from palate.recommenders.registry import configure, get

WORDS = {"finished": "  done before, reused", "unfinished": "  interrupted before, continued"}
LABEL = re.compile(r"[A-Za-z0-9][\w.-]*(@[\w.-]+)?")


@dataclass(frozen=True)
class Entry:
    """One line of a comparison.

    Attributes:
        label: ``method``, or ``method@variant`` where a method is compared with itself.
        settings: all settings of the method, defaults too.
        seeds: with which it is trained; one where a seed changes nothing.
        taught: the setting that names the run of its teacher, and the entry that teaches it with
            the same seed; None where nothing else must be trained first.
    """

    label: str
    method: str
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    taught: tuple[str, str] | None = None

    def at(self, folder: Path, seed: int) -> dict[str, Any]:
        """The settings with that seed, in a comparison in *folder*."""
        if self.taught is None:
            return self.settings
        setting, teacher = self.taught
        return self.settings | {setting: str((folder / f"{teacher}-seed{seed}").resolve())}


def compare(
    methods: Sequence[str],
    data: Config,
    seeds: int | Mapping[str, int] = 1,
    folder: Path | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    progress: bool = False,
    reuse: bool = True,
    reference: str | None = None,
) -> Comparison:
    """Train every method with every seed on the same split, each in its own process.

    Runs in *folder* that are finished, with the same settings, data and code, are taken as they
    are; those that were interrupted are continued. A method that fails costs its own line only.

    Args:
        methods: names, or ``method@variant`` to compare a method with itself.
        data: a ``DataConfig``, or a ``HospitalConfig`` for methods that recommend medications.
        seeds: trainings per method, with seeds 0, 1, …; one for methods without chance. By entry
            where some cost too much to be trained as often as others; one of those not named.
        settings: of each entry of *methods* that is not to have its defaults.
        reference: the entry that the others are tested against; by default the best one.

    Raises:
        ConfigError: an unknown method, or settings out of range.
        DataError: the data cannot be used.
        RunError: *folder* holds something else.
    """
    kind = kind_of(data)
    data = kind.absolute(data)
    _check(methods, settings or {}, seeds, reference)
    often = seeds if isinstance(seeds, Mapping) else dict.fromkeys(methods, seeds)
    entries = [
        _entry(label, settings or {}, often.get(label, 1), kind, methods) for label in methods
    ]
    entries.sort(key=lambda entry: entry.taught is not None)  # after those that teach them
    dataset = kind.load(data, progress)
    folder = folder or RUNS / f"compare-{dataset.name}"
    if (folder / "config.yaml").exists():
        raise RunError(f"{folder}: a run is kept in this folder; choose another for the comparison")
    console = Console(stderr=True, quiet=not progress)
    planned = [(entry, seed) for entry in entries for seed in entry.seeds]
    outcomes: dict[str, dict[str, str | None]] = {label: {} for label in methods}
    for number, (entry, seed) in enumerate(planned, start=1):
        name = f"{entry.label}-seed{seed}"
        settled = entry.at(folder, seed)
        state = "other"
        with suppress(RunError):  # a teacher that failed: the student's own process says so
            config = kind.config(entry.method, settled, data, seed, dataset.fingerprint)
            same = key(config, dataset.fingerprint, code_version(entry.method, kind.name))
            state = _state(folder / name, same) if reuse else "other"
        line = Text.assemble((f"[{number}/{len(planned)}] ", "dim"), f"{entry.label}, seed {seed}")
        console.print(line.append(WORDS.get(state, ""), "dim"))
        error = None
        if state != "finished":
            job = Job(
                method=entry.method,
                settings=settled,
                data=data.model_dump(mode="json"),
                seed=seed,
                folder=str(folder / name),
                progress=progress,
                resume=state == "unfinished",
                command=command_line(),
                kind=kind.name,
            )
            error = _train(job)
        if error is not None:
            console.print(Text(f"      failed: {error}", "red"))
        outcomes[entry.label][name] = error
    about = environment() | {"command": command_line(), "fingerprint": dataset.fingerprint}
    comparison = Comparison.build(folder, outcomes, about, reference, kind.name)
    kind.write_report(comparison)
    return comparison


def _check(
    methods: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
    seeds: int | Mapping[str, int],
    reference: str | None,
) -> None:
    if not methods:
        raise ConfigError("nothing to compare: name one method or more")
    twice = [label for label in methods if list(methods).count(label) > 1]
    if twice:
        raise ConfigError(
            f"'{twice[0]}' is named twice; to compare a method with itself, write {twice[0]}@name"
        )
    named = [*settings, *(seeds if isinstance(seeds, Mapping) else ())]
    named += [reference] if reference else []
    strange = [label for label in named if label not in methods]
    if strange:
        raise ConfigError(f"'{strange[0]}' is not compared here; {', '.join(methods)} are")
    for label in methods:
        if not LABEL.fullmatch(label):
            raise ConfigError(
                f"'{label}' cannot name a folder; write method@variant with letters, digits, . _ -"
            )


def _state(folder: Path, wanted: str) -> str:
    """``finished``, ``unfinished`` or ``other``: what is there of the run that is *wanted*."""
    if not (folder / "config.yaml").exists():
        return "other"
    run = open_run(folder, finished=False)
    if run.environment().get("key") != wanted:
        return "other"
    return "finished" if run.finished else "unfinished"


def _train(job: Job) -> str | None:
    """Train in another process; what went wrong, or None."""
    folder = Path(job.folder)
    if folder.exists() and not job.resume:
        if not any((folder / name).exists() for name in ("config.yaml", FAILURE, LOG)):
            raise RunError(f"{folder}: this folder is in the way and holds no run; move it")
        shutil.rmtree(folder)
    return run_job(job)


def _entry(
    label: str,
    settings: Mapping[str, Mapping[str, Any]],
    seeds: int,
    kind: Kind,
    methods: Sequence[str],
) -> Entry:
    method = label.partition("@")[0]
    config = configure(method, settings.get(label, {}), kind=kind.name)
    found = get(method, kind.name)
    settled = config.model_dump(mode="json")
    taught, needed = None, kind.needs(method, settled)
    if needed is not None:
        first, setting = needed
        teachers = [one for one in methods if one.partition("@")[0] == first]
        if teachers:
            taught = (setting, first if first in teachers else teachers[0])
        else:
            found(config)  # says what it needs
    count = 1 if found.deterministic else seeds
    return Entry(label, method, settled, tuple(range(count)), taught)
