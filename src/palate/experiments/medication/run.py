"""The run of a method that recommends medications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import polars as pl

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.load import load_hospital, split_hospital
from palate.data.hospital.splits import HospitalSplit
from palate.data.hospital.visits import Hospital
from palate.errors import PalateError, RunError
from palate.evaluation.medication import PER_PATIENT, RATE
from palate.evaluation.ranking import Values
from palate.evaluation.significance import bootstrap_interval, ratio_interval
from palate.experiments.run import Run
from palate.recommenders.medication.base import MedicationRecommender, Terms
from palate.recommenders.registry import get


class MedicationRun(Run):
    """One training of one method on the visits of a hospital, kept in a folder.

    Files: ``config.yaml``, ``environment.json``, ``model.safetensors``, ``recommender.json``,
    ``training.json``, ``cost.json``, ``metrics.json`` and ``report.html`` as of :class:`.Run`;
    ``terms.json``, what codes mean and which medications interact; and ``cases.parquet``, the
    metrics of each test patient in the order of the split. No patient's id, date or code is in
    any of them: to recommend for a patient, the data are read where they are.
    """

    kind: ClassVar[str] = "medication"
    primary: ClassVar[str] = "prauc"

    @property
    def data(self) -> HospitalConfig:  # type: ignore[override]
        """What was learned from."""
        return HospitalConfig.model_validate(self.config["data"])

    @property
    def caution(self) -> str:
        """The line that belongs under everything that is shown of this run."""
        return str(self.environment()["data"]["caution"])

    def terms(self) -> Terms:
        """What codes mean."""
        return Terms.load(self.folder)

    def recommender(self) -> MedicationRecommender:  # type: ignore[override]
        """The trained model."""
        found: MedicationRecommender = get(self.method, "medication").load(
            self.folder, self.terms()
        )
        return found

    def dataset(self) -> Hospital:  # type: ignore[override]
        """The data, read again from where it was.

        Raises:
            RunError: it is gone, or it is not what it was.
        """
        try:
            hospital = load_hospital(self.data)
        except PalateError as error:
            raise RunError(f"{self.folder}: its data cannot be read again: {error}") from error
        self.check_fingerprint(hospital.fingerprint)
        return hospital

    def split(self) -> HospitalSplit:  # type: ignore[override]
        """The split it was trained and tested on, made again."""
        return split_hospital(self.dataset(), self.data)

    def tested(self) -> pl.DataFrame:
        """Who was tested, as far as a run tells: first visits, and how much was given."""
        return self.cases().select("single", "given")

    def per_case(self) -> dict[str, Values]:
        """[p] metrics of each test patient who was given something, and their pairs."""
        cases = self.cases()
        return {
            name: cases[name].to_numpy().astype(float)
            for name in (*PER_PATIENT, "interacting", "pairs")
        }

    @staticmethod
    def intervals_of(values: Mapping[str, Values]) -> dict[str, tuple[float, float]]:
        """95 % bootstrap intervals over patients; the rate of interactions is pooled."""
        found = {name: bootstrap_interval(values[name]) for name in PER_PATIENT}
        return found | {RATE: ratio_interval(values["interacting"], values["pairs"])}

    @staticmethod
    def pooled(values: Mapping[str, Values]) -> dict[str, float]:
        """The rate of interactions, over all pairs of all patients."""
        return {RATE: float(values["interacting"].sum() / max(values["pairs"].sum(), 1))}

    def threshold(self, penalty: float) -> float:
        """Above which probability a medication is recommended, as validation chose it.

        Args:
            penalty: what an interaction costs; the nearest that was tried counts.
        """
        curve: list[dict[str, Any]] = self.results()["curve"]
        nearest = min(curve, key=lambda point: abs(point["penalty"] - penalty))
        return float(nearest["threshold"])
