"""The options of a hospital's visits: the same on every command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli.data_options import OPTIONS, data_config, explain
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.data.hospital.config import HospitalConfig
    from palate.data.load import DataConfig
    from palate.recommenders.registry import Kind

PANEL, RELEASED = "A hospital's visits", "A hospital's visits, as LEADER's released code has them"
SHARED = ("data", "split_seed")  # of the options that all data take


def _option(help: str, default: str = "", panel: str = PANEL) -> Any:
    return typer.Option(help=help, rich_help_panel=panel, show_default=default or False)


# One option per field of HospitalConfig, beside those that all data take; None is "not given".
HOSPITAL_OPTIONS: dict[str, Any] = {
    "min_visits": Annotated[
        int | None, _option("Keep patients with at least so many usable visits.", "1")
    ],
    "drug_level": Annotated[
        str | None,
        _option("What a medication is: an ATC class of level '3' or '4', or a 'name'.", "3"),
    ],
    "ambiguous_drugs": Annotated[
        str | None,
        _option(
            "A drug of several classes: those that fit the 'route' count, or 'all', or the 'first' "
            "of the map; or 'drop' it.",
            "route",
        ),
    ],
    "max_diagnoses": Annotated[
        int | None, _option("Keep so many of the most frequent diagnoses.", "2000")
    ],
    "max_procedures": Annotated[
        int | None, _option("Keep so many of the most frequent procedures; by default all.")
    ],
    "max_medications": Annotated[
        int | None, _option("Keep so many of the most frequent medications.", "300")
    ],
    "require_procedures": Annotated[
        bool | None, _option("Leave out visits without a procedure.", "require-procedures")
    ],
    "first_day_only": Annotated[
        bool | None, _option("Take the medications of a visit's first day only.", "all days")
    ],
    "every_visit": Annotated[
        bool | None,
        _option("Train on every visit of a patient, not only on the last.", "the last only"),
    ],
    "drug_map": Annotated[
        Path | None,
        _option("Which ATC classes a drug has; by default drug_to_atc.tsv beside the tables."),
    ],
    "drug_interactions": Annotated[
        Path | None,
        _option("Pairs of ATC classes that interact; by default ddi_pairs.tsv beside the tables."),
    ],
    "diagnosis_titles": Annotated[
        Path | None,
        _option("Titles of diagnoses; by default d_icd_diagnoses, or icd_titles.tsv beside it."),
    ],
    "drug_names": Annotated[
        Path | None, _option("Names of ATC classes; by default atc*.csv beside the tables.")
    ],
    "visit_order": Annotated[
        str | None,
        _option("Order visits by 'admittime' or by 'hadm_id', which is random.", "admittime",
                RELEASED),
    ],
    "split_order": Annotated[
        str | None,
        _option("Split patients 'shuffled', or in the order of 'subject_id'.", "shuffled",
                RELEASED),
    ],
    "merge_icd_versions": Annotated[
        bool | None,
        _option("Take one code of ICD-9 and ICD-10 for one diagnosis.", "apart", RELEASED),
    ],
    "fill_ndc": Annotated[
        bool | None,
        _option("Give a prescription without an NDC that of the row above.", "left empty",
                RELEASED),
    ],
    "count_visits": Annotated[
        str | None,
        _option("What min-visits counts: 'usable' visits, or those with 'prescriptions'.",
                "usable", RELEASED),
    ],
}  # fmt: skip

ALL_OPTIONS = OPTIONS | HOSPITAL_OPTIONS
"""Those of a command that takes data of both kinds."""


def names_hospital(given: dict[str, Any]) -> bool:
    """Whether the data that were named are those of a hospital; imports little."""
    if "data" not in given:
        return False
    from palate.data.hospital.tables import is_hospital_data

    return is_hospital_data(given["data"])


def hospital_config(given: dict[str, Any]) -> HospitalConfig:
    """The typed config of the options that were typed, for the data of a hospital.

    Raises:
        ConfigError: an option is out of range, or is one of other data.
    """
    from pydantic import ValidationError

    from palate.data.hospital.config import HospitalConfig

    known = (*SHARED, *HOSPITAL_OPTIONS)
    other = next((name for name in given if name not in known), None)
    if other is not None:
        raise ConfigError(
            f"--{other.replace('_', '-')}: not for the visits of a hospital, which take "
            f"{', '.join('--' + name.replace('_', '-') for name in known)}"
        )
    try:
        return HospitalConfig(**given)
    except ValidationError as error:
        raise ConfigError("; ".join(explain(one) for one in error.errors())) from None


def kind_of(given: dict[str, Any]) -> Kind:
    """Of which kind the methods are that take the data that were named."""
    return "medication" if names_hospital(given) else "items"


def any_config(given: dict[str, Any]) -> DataConfig | HospitalConfig:
    """The typed config of the options that were typed, for whichever data they name.

    Raises:
        ConfigError: no data is named, or an option is out of range or one of other data.
    """
    if names_hospital(given):
        return hospital_config(given)
    refuse_hospital_options(given)
    return data_config(given)


def refuse_hospital_options(given: dict[str, Any]) -> None:
    """Options of a hospital on other data.

    Raises:
        ConfigError: one was typed.
    """
    typed = next((name for name in given if name in HOSPITAL_OPTIONS), None)
    if typed is not None:
        raise ConfigError(
            f"--{typed.replace('_', '-')}: only for the visits of a hospital: a folder with the "
            "tables of MIMIC, or --data synthetic:2000"
        )
