"""A text as words with their places, folded so that case, accents and apostrophes do not count."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’`][^\W_]+)*|&")
_CLAUSE = re.compile(r"[,;!?()\n]|[.:](?:\s|$)|\s[-–—]\s")
_SENTENCE = re.compile(r"[;!?\n]|\.(?:\s|$)")


def lexicon(listed: str) -> frozenset[str]:
    """The folded words of a list with spaces between them."""
    return frozenset(listed.split())


ARTICLES = lexicon("a an the some any")

PRONOUNS = lexicon(
    "i me my mine we us our you your he him his she her it its they them their this that these "
    "those who whom whose which what one ones"
)

FUNCTION = ARTICLES | PRONOUNS | lexicon(
    "im ive id ill were weve youre its thats whats lets dont doesnt didnt cant couldnt wont "
    "wouldnt isnt arent wasnt werent havent hasnt hadnt shouldnt "
    "and or nor but yet so if then than as at by for from in into of off on onto out over to up "
    "down with without within about above after again against along among around before behind "
    "below between beyond during except inside near since through till until under upon via "
    "am is are was were be been being do does did done have has had having can could may might "
    "must shall should will would not no never nothing none neither either both all each every "
    "few less least more most much many other others another else same such only just too very "
    "also already always ever even still rather quite really however though although because "
    "while when where why how here there now once far away today tonight tomorrow yesterday"
)  # fmt: skip

ASKING = lexicon(
    "film films movie movies book books novel novels song songs track tracks album albums artist "
    "artists game games product products item items thing things title titles series show shows "
    "story stories something anything everything someone somebody anyone stuff kind kinds sort "
    "sorts type types genre genres category categories recommend recommends recommended "
    "recommendation recommendations suggest suggestion suggestions give find tell list want wants "
    "wanted wanna wish need needs look looking search searching prefer preferably preference like "
    "likes liked love loves loved enjoy enjoyed hate hated dislike disliked see saw seen watch "
    "watched watching read reading play listen hear heard know knew known try think thought feel "
    "feeling get got go going make made take come mood please thanks thank hello hi hey ok okay "
    "yes yeah sure maybe perhaps fine good better best great nice cool well bad worse worst new "
    "newer old older similar different instead exclude avoid skip fan favourite favorite "
    "favourites favorites top first second third fourth fifth last next number year years decade "
    "set time times bit little lot kinda lets user person people evening night day weekend "
    "two three four five six seven eight nine ten dozen twenty hundred "
    "style vein released made published mind care matter matters boring tired sick enough "
    "free necessarily definitely actually absolutely pretty super awesome interested "
    "ignore previous instructions instruction system"
)  # fmt: skip
"""What requests are made of, whatever is asked for."""

PLAIN = FUNCTION | ASKING
"""Words that tell of no item what it is about."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text.

    Attributes:
        folded: in lower case, without accents and apostrophes; ``&`` is ``and``.
        start: where it begins in the text.
        stop: where it ends.
        clause: it begins a clause.
        sentence: it begins a sentence.
    """

    folded: str
    start: int
    stop: int
    clause: bool
    sentence: bool


def fold(text: str) -> str:
    """The text in lower case, without accents and apostrophes.

    Example:
        >>> fold("Café Children’s")
        'cafe childrens'
    """
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(one for one in decomposed if not unicodedata.combining(one))
    return text.casefold().replace("'", "").replace("’", "").replace("`", "")


def words(text: str) -> list[Word]:
    """The words of a text, in order."""
    found: list[Word] = []
    before = 0
    for match in _WORD.finditer(text):
        gap = text[before : match.start()]
        first = not found
        folded = "and" if match[0] == "&" else fold(match[0])
        found.append(
            Word(
                folded,
                match.start(),
                match.end(),
                first or _CLAUSE.search(gap) is not None,
                first or _SENTENCE.search(gap) is not None,
            )
        )
        before = match.end()
    return found


def phrase(text: str) -> str:
    """The folded words of a text with one space between them: what phrases are looked up by."""
    return " ".join("and" if one == "&" else fold(one) for one in _WORD.findall(text))


def stem(word: str) -> str:
    """A folded word without the plural, roughly: what texts are compared by."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
