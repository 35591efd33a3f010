"""The options that say which data: the same ones on every command that trains."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli.completion import data_sets
from palate.data.split_names import FORMS
from palate.errors import ConfigError

if TYPE_CHECKING:
    from palate.data.load import DataConfig

SOURCE, COLUMNS, STEPS = "Which data", "Columns, where names are unusual", "Filters and split"


def _option(help: str, panel: str, default: str = "", **more: Any) -> Any:
    return typer.Option(help=help, rich_help_panel=panel, show_default=default or False, **more)


# One option per field of DataConfig. All default to None, "not given", so that the defaults
# themselves stand in one place only: DataConfig.
OPTIONS: dict[str, Any] = {
    "data": Annotated[
        str | None,
        _option(
            "A named data set (see 'palate data ls'), or a folder or file in a known format.",
            SOURCE,
            metavar="NAME|PATH",
            autocompletion=data_sets,
        ),
    ],
    "domains": Annotated[
        str | None,
        _option(
            "Several data sets as one: users are shared by id, items are told apart.",
            SOURCE,
            metavar="NAME=PATH,NAME=PATH",
        ),
    ],
    "interactions": Annotated[
        Path | None,
        _option("Your events: who touched what, when. CSV, TSV, Parquet or JSON lines.", SOURCE),
    ],
    "items": Annotated[
        Path | None, _option("Your items: an id and a title, and any other text.", SOURCE)
    ],
    "format": Annotated[
        str | None, _option("Format of the files, where it is not to be guessed.", SOURCE, "auto")
    ],
    "user_column": Annotated[str | None, _option("Column of the user's id.", COLUMNS)],
    "item_column": Annotated[str | None, _option("Column of the item's id.", COLUMNS)],
    "time_column": Annotated[
        str | None, _option("Column of the time of an event; - means: in file order.", COLUMNS)
    ],
    "rating_column": Annotated[str | None, _option("Column of the rating.", COLUMNS)],
    "title_column": Annotated[str | None, _option("Column of the item's title.", COLUMNS)],
    "min_rating": Annotated[
        float | None, _option("Keep events rated at least this; by default all.", STEPS)
    ],
    "like_from": Annotated[
        float | None,
        _option(
            "Lowest rating of what a person liked, for methods that predict likes; by default "
            "four fifths of the highest.",
            STEPS,
        ),
    ],
    "users": Annotated[
        int | None,
        _option("Keep the events of so many users, drawn at random; by default all.", STEPS),
    ],
    "k_core": Annotated[
        int | None,
        _option("Keep users and items with at least this many events each.", STEPS, "0"),
    ],
    "duplicates": Annotated[
        str | None,
        _option("Events of one user with one item: keep 'all', or the 'last'.", STEPS, "all"),
    ],
    "unseen_items": Annotated[
        str | None,
        _option(
            "Items without an event: 'keep' to be ranked, 'drop', or 'auto': keep, except with "
            "a k-core or a file of a whole shop.",
            STEPS,
            "auto",
        ),
    ],
    "untitled": Annotated[
        str | None,
        _option("Items without a title: an 'error', or let the 'id' be the title.", STEPS, "error"),
    ],
    "split": Annotated[
        str | None,
        _option(f"{', '.join(FORMS.values())}.", STEPS, "leave-one-out", metavar="SPLIT"),
    ],
    "split_seed": Annotated[int | None, _option("Seed of every draw.", STEPS, "0")],
    "test_users": Annotated[
        int | None,
        _option("Test so many users, drawn at random; by default all.", STEPS),
    ],
}


SOURCES_AND_TEST = ("data", "interactions", "items", "test_users")
PREPARATION = {name: kind for name, kind in OPTIONS.items() if name not in SOURCES_AND_TEST}
"""Those that say how data are read, filtered and split, whichever they are."""


def takes_data(
    command: Callable[..., None], options: dict[str, Any] = OPTIONS
) -> Callable[..., None]:
    """Give *command* the options above; it receives those that were typed as a dict, ``given``."""
    own = inspect.signature(command, eval_str=True)
    parameters = [p for name, p in own.parameters.items() if name != "given"]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in options.items()
    ]

    @functools.wraps(command)
    def with_data(**values: Any) -> None:
        typed = {name: values.pop(name) for name in options}
        command(given={name: v for name, v in typed.items() if v is not None}, **values)

    signature = own.replace(parameters=parameters)
    vars(with_data).pop("__wrapped__")
    vars(with_data)["__signature__"] = signature
    with_data.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_data


def data_config(given: dict[str, Any]) -> DataConfig:
    """The typed config of the data options that were typed.

    Raises:
        ConfigError: no data is named, or an option is out of range.
    """
    from pydantic import ValidationError

    if not {"data", "interactions", "domains"} & given.keys():
        raise ConfigError(
            "no data: name a set (--data ml-100k) or your own files "
            "(--interactions clicks.csv --items items.csv)"
        )
    from palate.data.load import DataConfig

    try:
        return DataConfig(**given)
    except ValidationError as error:
        raise ConfigError("; ".join(explain(one) for one in error.errors())) from None


def explain(problem: Any) -> str:
    """What is wrong with one option, of a problem that pydantic found."""
    message = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    option = str(problem["loc"][0]).replace("_", "-")
    return f"--{option} {problem['input']}: {message[0].lower()}{message[1:]}"


def data_name(given: dict[str, Any]) -> str:
    """A short name for a run folder: of the set, the domains, or the file without its endings."""
    if "domains" in given:
        names = [pair.partition("=")[0] for pair in re.split(r",(?=[^,=/]+=)", given["domains"])]
        return "-".join(names)
    source = Path(str(given.get("data") or given["interactions"]))
    return source.name.split(".")[0] or source.resolve().name
