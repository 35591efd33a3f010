"""What a turn of a dialogue comes to, and the plain words for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HINT = (
    "Tell me an example (“like Heat”), a genre, years (“from the eighties”), or what you do not "
    "want."
)


@dataclass(frozen=True)
class Choice:
    """An item that is shown.

    Attributes:
        item: its id.
        title: its title.
        year: its year, None where it is not known.
        genres: its genres.
        why: what brought it here: facts alone.
    """

    item: str
    title: str
    year: int | None
    genres: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class Loosening:
    """What there would be without one constraint.

    Attributes:
        without: the constraint, in words.
        items: how many items there would be.
    """

    without: str
    items: int


@dataclass(frozen=True)
class Answer:
    """The answer to one turn.

    Attributes:
        text: one or two sentences that open it.
        understood: all that is asked for so far, in words, for the person to check.
        choices: the items, best first.
        remarks: what could not be heeded, and why.
        loosening: where no item is left, what leaving one constraint out would give.
        untold: items left out because what is asked for is not known of them.
        worded_by: the language model that wrote ``text``, or ``plain``.
    """

    text: str
    understood: tuple[str, ...]
    choices: tuple[Choice, ...]
    remarks: tuple[str, ...] = ()
    loosening: tuple[Loosening, ...] = ()
    untold: int = 0
    worded_by: str = "plain"


def plain(
    choices: Sequence[Choice],
    *,
    asked: int,
    allowed: int | None,
    loosening: Sequence[Loosening],
    wished: bool,
    useful: bool,
    known: bool,
) -> str:
    """The opening without a language model.

    Args:
        asked: how many items were asked for.
        allowed: how many obey the hard constraints; None where there are none.
        loosening: what leaving one constraint out would give.
        wished: something is asked for, hard or soft.
        useful: something was understood in this turn.
        known: something is known of the person.
    """
    whom = "you" if known else "someone new"
    count = len(choices)
    if not choices:
        return f"Nothing is left. {_way_out(loosening)}"
    if not useful:
        return f"I found no wish in that; this is the best for {whom} so far. {HINT}"
    if count < asked:
        return f"Only {count} {'is' if count == 1 else 'are'} left."
    number = "The one" if count == 1 else f"The {count}"
    if not wished:
        return f"{number} that {'suits' if count == 1 else 'suit'} {whom} best."
    out_of = "" if allowed is None else f", out of {allowed:,} that obey every constraint"
    return f"{number} nearest to your wishes{out_of}."


def _way_out(loosening: Sequence[Loosening]) -> str:
    if not loosening:
        return "No single constraint is why: leave out two, or start over."
    ways = [f"without “{one.without}” {one.items:,}" for one in loosening]
    return f"There would be: {'; '.join(ways)}."
