"""What experiments of one kind have that those of another do not: data, measures, report.

Training, comparing and opening runs are the same for all kinds; where they differ, they ask here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palate.config import Config
from palate.data.hospital.config import HospitalConfig
from palate.recommenders import registry

if TYPE_CHECKING:
    from palate.experiments.comparison import Comparison
    from palate.experiments.run import Run


@dataclass(frozen=True)
class Kind:
    """The steps of an experiment that depend on what is recommended.

    Attributes:
        name: of the registry that its methods are in.
        data: config of its data.
        run: how its runs are opened.
        absolute: the same data from whatever folder.
        load: reads the data; what comes has a ``name`` and a ``fingerprint``.
        split: of what was loaded, by a config.
        config: ``method, settings, data, seed`` and the fingerprint of what was loaded to
            ``config.yaml``.
        about_data: name, terms and size, for ``environment.json``.
        keep_data: writes what a run recommends from beside its model.
        measure: judges on the test cases, writes metrics and cost.
        write_report: of a run or a comparison.
        needs: ``method, settings`` to the method among those compared that must be trained first,
            and the setting that names its run; None where there is none.
    """

    name: registry.Kind
    data: type[Config]
    run: type[Run]
    absolute: Callable[[Any], Any]
    load: Callable[[Any, bool], Any]
    split: Callable[[Any, Any], Any]
    config: Callable[[str, dict[str, Any], Any, int, str], dict[str, Any]]
    about_data: Callable[[Any], dict[str, Any]]
    keep_data: Callable[[Run, Any], None]
    measure: Callable[[Run, Any, Any, bool], None]
    write_report: Callable[[Run | Comparison], Path]
    needs: Callable[[str, dict[str, Any]], tuple[str, str] | None]


def kind(name: str) -> Kind:
    """The kind of that name: ``items`` or ``medication``."""
    if name == "medication":
        from palate.experiments.medication.kind import MEDICATION

        return MEDICATION
    from palate.experiments.items import ITEMS

    return ITEMS


def kind_of(data: Config) -> Kind:
    """The kind whose data are described so."""
    return kind("medication" if isinstance(data, HospitalConfig) else "items")


def open_run(folder: Path | str, finished: bool = True) -> Run:
    """Open a run of whatever kind.

    Raises:
        RunError: the folder holds no run, or an unfinished one.
    """
    from palate.experiments.run import recorded_kind

    return kind(recorded_kind(Path(folder))).run(folder, finished)


def write_report(of: Run | Comparison) -> Path:
    """Write ``report.html`` into the folder of a run or a comparison; where it is."""
    return kind(of.kind).write_report(of)


def judge_again(run: Run, progress: bool = False) -> dict[str, float]:
    """Load a run's model, judge it on its test cases again, and bring its files up to date.

    Raises:
        RunError: the run's data is gone, or is not what it was.
    """
    own = kind(run.kind)
    own.measure(run, run.recommender(), run.split(), progress)
    own.write_report(run)
    return run.metrics()
