"""Visits in words: what a language model is given to read of a patient.

Everything in a prompt is the name of a code: nothing that identifies a patient, no date, no id.

Legend: p cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from palate.data.hospital.visits import Codes, Kind, MedicationCases
from palate.language.prompts import Prompt
from palate.language.tokenizer import Tokenizer
from palate.recommenders.medication.base import Terms

HEADS: dict[Kind, str] = {
    "diagnoses": "Diagnoses",
    "procedures": "Procedures",
    "medications": "Medications",
}
CUE = "Which medications should be prescribed at this visit?"
NONE = "none"
BETWEEN = "; "  # names hold commas
SPARE = 4  # tokens for the end of the prompt, and for text that tokenises longer when joined


@dataclass(frozen=True)
class Wording:
    """How much of a patient is told.

    Attributes:
        visits: earlier visits that are told of at most, the most recent ones.
        max_tokens: of the whole prompt.
        history_without_diagnoses: tell of each earlier visit the *current* diagnoses in place of
            its own, as the released code does by a misspelt key.
    """

    visits: int = 3
    max_tokens: int = 512
    history_without_diagnoses: bool = False


def patient_prompts(
    cases: MedicationCases, terms: Terms, tokenizer: Tokenizer, wording: Wording
) -> list[Prompt]:
    """A prompt for each case: how many visits there were, the last few, and this one.

    Where all would be too long, the history gives way: the oldest visit goes first. A visit that is
    too long by itself is cut after its last name that fits; the cue is always there. The answer
    is empty, so that a prompt ends with the token that ends an answer.
    """
    found = []
    for place in range(len(cases)):
        current = _told(
            terms, {"diagnoses": cases.diagnoses[place], "procedures": cases.procedures[place]}
        )
        start, stop = int(cases.offsets[place]), int(cases.offsets[place + 1])
        recent = range(max(start, stop - wording.visits), stop)
        history = [
            f"Visit {number - start + 1}. "
            + _told(terms, _past(cases, place, number, wording.history_without_diagnoses))
            for number in recent
        ]
        found.append((f"Earlier visits: {stop - start}.", history, f"This visit. {current}"))
    lengths = _lengths(tokenizer, [text for one in found for text in (*one[1], one[2])])
    around = max(_lengths(tokenizer, {head for head, _, _ in found}).values(), default=0)
    room = wording.max_tokens - around - _lengths(tokenizer, [CUE])[CUE] - SPARE
    return [
        Prompt.of("\n".join([head, *_fitting(tokenizer, history, current, room, lengths), CUE]),
                  answer="")
        for head, history, current in found
    ]  # fmt: skip


def _past(
    cases: MedicationCases, place: int, visit: int, without_diagnoses: bool
) -> dict[Kind, Codes]:
    codes: dict[Kind, Codes] = {kind: cases.past.codes[kind][visit] for kind in HEADS}
    if without_diagnoses:
        codes["diagnoses"] = cases.diagnoses[place]
    return codes


def _told(terms: Terms, codes: dict[Kind, Codes]) -> str:
    """``Diagnoses: a; b. Procedures: none.``"""
    parts = []
    for kind, some in codes.items():
        names = terms.vocabularies[kind].names
        parts.append(f"{HEADS[kind]}: {BETWEEN.join(names[code] for code in some) or NONE}.")
    return " ".join(parts)


def _lengths(tokenizer: Tokenizer, texts: Sequence[str] | set[str]) -> dict[str, int]:
    several = sorted(set(texts))
    return {
        text: len(ids) + 1  # the line end
        for text, ids in zip(several, tokenizer.encode(several), strict=True)
    }


def _fitting(
    tokenizer: Tokenizer, history: list[str], current: str, room: int, lengths: dict[str, int]
) -> list[str]:
    """The paragraphs that there is room for, this visit's last."""
    if lengths[current] > room:
        return [_cut(tokenizer, current, room)]
    room -= lengths[current]
    kept: list[str] = []
    for paragraph in reversed(history):
        if lengths[paragraph] > room:
            break
        kept.insert(0, paragraph)
        room -= lengths[paragraph]
    return [*kept, current]


def _cut(tokenizer: Tokenizer, paragraph: str, room: int) -> str:
    """The paragraph up to the last whole name within so many tokens."""
    text = tokenizer.clip(paragraph, max(1, room - 1))
    return text[: max(text.rfind(BETWEEN), text.rfind(". "), 0)] or text
