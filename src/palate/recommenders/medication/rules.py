"""A hospital made up of plain rules, for checks and tests: what is right is known.

Legend: p cases.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from palate.data.hospital.splits import HospitalSplit, make_hospital_split
from palate.data.hospital.visits import KINDS, Hospital, Kind, Ragged, Visits, Vocabulary

SIZES: dict[Kind, int] = {"diagnoses": 9, "procedures": 4, "medications": 7}
NEVER = 8  # a diagnosis that no training patient has


def rule_hospital(patients: int = 80, seed: int = 1) -> Hospital:
    """Diagnosis d is treated with medications d and d + 1, as long as there are so many.

    Every other patient has one visit, the others two to four. The last medication is given always
    or never by what the profile says, and a procedure changes nothing. Medications 0 and 2
    interact. Only the last patient has diagnosis :data:`NEVER`.
    """
    draw = np.random.default_rng(seed)
    lists: dict[Kind, list[list[int]]] = {kind: [] for kind in KINDS}
    owners, insurances = [], []
    for patient in range(patients):
        insurance = int(draw.integers(2))
        insurances.append("public" if insurance else "private")
        for _ in range(1 if patient % 2 else int(draw.integers(2, 5))):
            diagnoses = draw.choice(NEVER - 2, size=int(draw.integers(1, 4)), replace=False)
            found = [NEVER] if patient == patients - 1 else diagnoses.tolist()
            given = {d + more for d in diagnoses.tolist() for more in (0, 1) if d + more < 6}
            lists["diagnoses"].append(found)
            lists["procedures"].append([int(draw.integers(SIZES["procedures"]))])
            lists["medications"].append(sorted(given | ({6} if insurance else set())))
            owners.append(patient)
    count = len(owners)
    interactions = np.zeros((SIZES["medications"],) * 2, dtype=bool)
    interactions[0, 2] = interactions[2, 0] = True
    return Hospital(
        name="rules",
        licence=None,
        citation=None,
        synthetic=True,
        visits=Visits(
            np.array(owners),
            np.datetime64("2020-01-01", "s") + np.arange(count) * np.timedelta64(86_400, "s"),
            {kind: Ragged.of(lists[kind]) for kind in KINDS},
        ),
        patient_ids=tuple(f"p{number}" for number in range(patients)),
        visit_ids=tuple(f"v{number}" for number in range(count)),
        profiles=pl.DataFrame({"insurance": insurances, "language": ["ENGLISH"] * patients}),
        vocabularies={
            kind: Vocabulary(
                tuple(f"{kind[:1].upper()}:{number}" for number in range(size)),
                tuple(f"{kind[:-1]} {number}" for number in range(size)),
            )
            for kind, size in SIZES.items()
        },
        interactions=interactions,
        interactions_note="made up",
        steps=(),
        fingerprint=f"rules-{patients}-{seed}",
    )


def rule_split(patients: int = 80, seed: int = 1) -> HospitalSplit:
    """:func:`rule_hospital`, split so that the patient with the strange code is not trained."""
    hospital = rule_hospital(patients, seed)
    for split_seed in range(1000):
        split = make_hospital_split(hospital, split_seed)
        if NEVER not in split.train.diagnoses.codes:
            return split
    raise AssertionError("no split without that diagnosis in training")
