"""Words on the command line become settings, and data options become a DataConfig."""

from __future__ import annotations

import pytest
from pydantic import Field

from palate.cli import settings
from palate.cli.data_options import OPTIONS, data_config, data_name
from palate.config import Config
from palate.data.load import DataConfig
from palate.errors import ConfigError


def test_there_is_an_option_for_every_field_of_the_data() -> None:
    by_command = {"updates"}  # palate update sets it
    assert set(OPTIONS) == set(DataConfig.model_fields) - by_command


def test_defaults_shown_in_help_are_those_of_the_data() -> None:
    shown = {name: kind.__metadata__[0].show_default for name, kind in OPTIONS.items()}
    assert {name: value for name, value in shown.items() if value} == {
        name: str(field.default)
        for name, field in DataConfig.model_fields.items()
        if field.default is not None
    }


def test_only_what_was_typed_is_passed_on() -> None:
    config = data_config({"data": "ml-100k", "min_rating": 3.5})
    assert config == DataConfig(data="ml-100k", min_rating=3.5)


def test_a_run_is_named_after_its_data() -> None:
    assert data_name({"data": "ml-100k"}) == "ml-100k"
    assert data_name({"interactions": "some/clicks.csv.gz"}) == "clicks"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["--learning-rate", "0.1"], {"learning_rate": "0.1"}),
        (["--learning_rate=0.1"], {"learning_rate": "0.1"}),
        (["--loss", "one-negative", "--width=8"], {"loss": "one-negative", "width": "8"}),
        ([], {}),
    ],
)
def test_ways_to_write_a_setting(typed: list[str], meant: dict[str, str]) -> None:
    assert settings.parse("sasrec", typed, []) == meant


def test_settings_of_a_comparison() -> None:
    found = settings.parse_sets(
        ["sasrec", "sasrec@wide", "ease"], ["sasrec@wide.width=256", "ease.regularization=5"]
    )
    assert found == {"sasrec@wide": {"width": "256"}, "ease": {"regularization": "5"}}


class Inner(Config):
    """Settings inside settings."""

    size: int = 3
    """How large."""


class Odd(Config):
    """Settings of every kind."""

    inner: Inner = Inner()
    """Nested."""
    tied: bool = False
    """Whether tied."""
    layers: int | None = None
    """How many."""
    fields: tuple[str, ...] = ("title",)
    """Which."""
    columns: tuple[str, ...] | None = None
    """Which, if any."""
    rate: float = Field(default=1e-4, gt=0, le=1)
    """How fast."""


def test_help_tells_values_and_defaults() -> None:
    rows = {
        flag: (values, default, meaning)
        for flag, values, default, meaning in settings.help_rows(Odd)
    }
    assert rows == {
        "--inner.size": ("int", "3", "How large."),
        "--tied": ("yes|no", "no", "Whether tied."),
        "--layers": ("int|null", "null", "How many."),
        "--fields": ("list of str", "[title]", "Which."),
        "--columns": ("list of str|null", "null", "Which, if any."),
        "--rate": ("float > 0 and ≤ 1", "0.0001", "How fast."),
    }


def test_unknown_settings_of_a_comparison_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean"):
        settings.parse_sets(["sasrec"], ["sasrec.widht=3"])
