"""From a folder, or the name of a synthetic hospital, to a :class:`Hospital`."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from palate.data.hospital.config import HospitalConfig
from palate.data.hospital.mimic import Raw, read_mimic
from palate.data.hospital.prepare import Origin, prepare
from palate.data.hospital.reference import Reference, find_reference
from palate.data.hospital.splits import HospitalSplit, make_hospital_split
from palate.data.hospital.synthetic import LICENCE, PATIENTS, SEED, load_synthetic
from palate.data.hospital.tables import MARKER, SYNTHETIC, find_tables
from palate.data.hospital.visits import Hospital
from palate.errors import ConfigError

SIZE = re.compile(r"synthetic(?::(?P<patients>\d+))?(?::(?P<seed>\d+))?")
CITATIONS = {
    "MIMIC-III": "Johnson et al., MIMIC-III, a freely accessible critical care database, 2016",
    "MIMIC-IV": "Johnson et al., MIMIC-IV, a freely accessible electronic health record "
    "dataset, 2023",
}
DEMO = "demo_subject_id.csv"


def load_hospital(config: HospitalConfig, progress: bool = False) -> Hospital:
    """Read, repair, code and filter; every step leaves a row in :attr:`Hospital.steps`.

    Args:
        progress: say on the error stream what is being read.

    Raises:
        ConfigError: a synthetic hospital is asked for that cannot be made.
        DataError: a table is missing or cannot be used; the message names file, row, column and
            the mend, and nothing of a patient.
    """
    with Console(stderr=True).status("reading visits") if progress else nullcontext():
        if config.data.partition(":")[0] == SYNTHETIC and not Path(config.data).exists():
            return load_synthetic(*synthetic_size(config.data), config)
        folder = Path(config.data).expanduser()
        tables = find_tables(folder)
        raw = read_mimic(tables, config)
        reference = find_reference(tables, config, Reference())
        return prepare(raw, reference, config, _origin(folder, raw))


def split_hospital(hospital: Hospital, config: HospitalConfig) -> HospitalSplit:
    """The split that a config asks for."""
    shuffled = config.split_order == "shuffled"
    return make_hospital_split(hospital, config.split_seed, config.every_visit, shuffled)


def synthetic_size(name: str) -> tuple[int, int]:
    """Patients and seed of ``synthetic``, ``synthetic:N`` or ``synthetic:N:SEED``.

    Raises:
        ConfigError: it is none of these.
    """
    found = SIZE.fullmatch(name)
    if found is None:
        raise ConfigError(
            f"'{name}': a synthetic hospital is synthetic, synthetic:N or "
            "synthetic:N:SEED, such as synthetic:20000"
        )
    patients, seed = found["patients"], found["seed"]
    return int(patients or PATIENTS), int(seed or SEED)


def _origin(folder: Path, raw: Raw) -> Origin:
    name = folder.resolve().name
    if (folder / MARKER).is_file():
        return Origin(name, LICENCE, None, True)
    if (folder / DEMO).is_file():
        licence = "ODC Open Database License 1.0 (the open demo)"
    else:
        licence = "PhysioNet's terms for credentialed users, unless it is the open demo"
    return Origin(name, licence, CITATIONS[raw.layout], False)
