"""The command of a claim: ``run`` the experiment, or show the ``table`` of what was found."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from claims.verdicts import table

RESULTS = Path(__file__).parent / "results"


def command(
    name: str,
    about: str,
    run: Callable[..., None],
    seeds: int,
    variants: Sequence[str] = (),
    **numbers: int,
) -> None:
    """Read the command line, and do what it says.

    Args:
        name: of the file in ``claims/results``; those of more data sets go on after it with a
            hyphen.
        about: docstring of the claim.
        run: told how many seeds, and which variants.
        seeds: how many there are if nothing is said.
        variants: of which some may be chosen; where there are none, there is nothing to choose.
        numbers: more that may be said, with what they are if nothing is; *run* is told them by
            name.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n\n")[0])
    parser.add_argument("part", choices=["run", "table"])
    parser.add_argument("--seeds", type=int, default=seeds)
    if variants:
        parser.add_argument("--variants", default=",".join(variants), help="which, with commas")
    for option, number in numbers.items():
        parser.add_argument(f"--{option}", type=int, default=number)
    given = parser.parse_args()
    more = {option: getattr(given, option) for option in numbers}
    if given.part == "run":
        chosen = given.variants.split(",") if variants else []
        if strange := [one for one in chosen if one not in variants]:
            parser.error(f"no variant '{strange[0]}'; there are: {', '.join(variants)}")
        run(given.seeds, chosen, **more)
    if any(more[option] != number for option, number in numbers.items()):
        return  # of another size than the one that is kept
    for path in [RESULTS / f"{name}.json", *sorted(RESULTS.glob(f"{name}-*.json"))]:
        if path.exists():
            print(f"{path.stem}\n\n{table(json.loads(path.read_text())['results']['claims'])}\n")


def typed(name: str, seeds: int, chosen: Sequence[str], variants: Sequence[str]) -> str:
    """What a person types to have this run again."""
    told = "" if list(chosen) == list(variants) else f' --variants "{",".join(chosen)}"'
    return f"python claims/{name}.py run --seeds {seeds}{told}"
