"""Is an aligned model better, and is it still what it was?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from palate.evaluation.ranking import Values
from palate.language.questions import ChatModel, Choose, Continue
from palate.search.asking import fenced, user

LETTERS = ("A", "B")


@dataclass(frozen=True)
class Wins:
    """How often one model's answers were preferred.

    Attributes:
        values: [n] 1 where ours was preferred in both orders, 0 where theirs was, 0.5 where the
            order decided or the answers are the same.
        flips: share of the questions where the order decided: a judge with a share near 1 judges
            places and not answers.
    """

    values: Values
    flips: float

    @property
    def rate(self) -> float:
        """Mean of the values."""
        return float(self.values.mean()) if len(self.values) else 0.5


def win_rate(
    judge: ChatModel, questions: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> Wins:
    """Each pair of answers is judged in both orders."""
    asked = []
    for question, one, other in zip(questions, ours, theirs, strict=True):
        asked += [_which(question, one, other), _which(question, other, one)]
    replies = judge.ask(asked)
    values, flips = [], 0
    for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        first, second = replies[2 * place].log_probs, replies[2 * place + 1].log_probs
        in_front, behind = first[0] > first[1], second[1] > second[0]
        if one.strip() == other.strip():
            values.append(0.5)
            continue
        flips += in_front != behind
        values.append(0.5 if in_front != behind else float(in_front))
    return Wins(np.array(values), flips / max(1, len(values)))


def _which(question: str, first: str, second: str) -> Choose:
    turns = user(
        f"Question: {question}",
        f"Answer A:\n{fenced(first)}",
        f"Answer B:\n{fenced(second)}",
        "Which answer is better? Reply with A or B.",
    )
    return Choose(turns, LETTERS)


CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid",
    "Portugal": "Lisbon", "England": "London", "Ireland": "Dublin", "Norway": "Oslo",
    "Sweden": "Stockholm", "Denmark": "Copenhagen", "Finland": "Helsinki", "Poland": "Warsaw",
    "Austria": "Vienna", "Hungary": "Budapest", "Greece": "Athens", "Turkey": "Ankara",
    "Russia": "Moscow", "Ukraine": "Kyiv", "Romania": "Bucharest", "Belgium": "Brussels",
    "Egypt": "Cairo", "Kenya": "Nairobi", "Ghana": "Accra", "Ethiopia": "Addis Ababa",
    "Morocco": "Rabat", "Japan": "Tokyo", "China": "Beijing", "India": "New Delhi",
    "Thailand": "Bangkok", "Vietnam": "Hanoi", "Indonesia": "Jakarta", "Iran": "Tehran",
    "Iraq": "Baghdad", "Canada": "Ottawa", "Mexico": "Mexico City", "Cuba": "Havana",
    "Brazil": "Brasília", "Argentina": "Buenos Aires", "Chile": "Santiago", "Peru": "Lima",
    "Colombia": "Bogotá", "Australia": "Canberra", "New Zealand": "Wellington",
    "South Korea": "Seoul", "the Philippines": "Manila", "Nepal": "Kathmandu",
    "Pakistan": "Islamabad", "Switzerland": "Bern", "Iceland": "Reykjavik",
    "Bulgaria": "Sofia",
}  # fmt: skip
SYMBOLS = {
    "hydrogen": "H", "helium": "He", "lithium": "Li", "carbon": "C", "nitrogen": "N",
    "oxygen": "O", "fluorine": "F", "neon": "Ne", "sodium": "Na", "magnesium": "Mg",
    "aluminium": "Al", "silicon": "Si", "phosphorus": "P", "sulfur": "S", "chlorine": "Cl",
    "argon": "Ar", "potassium": "K", "calcium": "Ca", "iron": "Fe", "copper": "Cu",
    "zinc": "Zn", "silver": "Ag", "tin": "Sn", "gold": "Au", "mercury": "Hg", "lead": "Pb",
    "uranium": "U", "iodine": "I", "nickel": "Ni", "platinum": "Pt",
}  # fmt: skip
KINDS = {
    "sparrow": "bird", "salmon": "fish", "oak": "tree", "rose": "flower", "cobra": "snake",
    "ant": "insect", "guitar": "instrument", "granite": "rock", "poodle": "dog",
    "carrot": "vegetable", "banana": "fruit", "French": "language", "Mars": "planet",
    "chess": "game", "football": "sport", "red": "colour", "truck": "vehicle",
    "hammer": "tool", "dollar": "currency", "January": "month",
}  # fmt: skip
FACTS = (
    *((f"The capital of {one} is", CAPITALS, one) for one in CAPITALS),
    *((f"The chemical symbol of {one} is", SYMBOLS, one) for one in SYMBOLS),
    *((f"{one[0].upper()}{one[1:]} is the name of a kind of", KINDS, one) for one in KINDS),
)
"""A frozen probe of a hundred facts: how each begins, the answers of its kind, and its own."""
OPTIONS = 4


def knowledge(model: ChatModel) -> Values:
    """[100] 1 where the right end of a fact is the likeliest of four, else 0.

    The other three are ends of the next facts of the same kind, so the probe is the same each time.
    """
    asked: list[Continue] = []
    for before, kind, own in FACTS:
        names = list(kind)
        place = names.index(own)
        ends = [kind[names[(place + step) % len(names)]] for step in range(OPTIONS)]
        asked += [Continue(before, f" {end}.") for end in ends]
    replies = model.ask(asked)
    totals = np.array([reply.log_probs[0] for reply in replies]).reshape(-1, OPTIONS)
    found: Values = (totals.argmax(1) == 0).astype(float)
    return found
