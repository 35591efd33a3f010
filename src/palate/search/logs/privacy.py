"""What must not leave a log: who asked, and what only few people ask.

No rule makes a log anonymous for good. These make what is mined from it free of names, numbers and
addresses as far as patterns reach, and of every query that fewer than k people asked (Adar, "User
4XXXXX9: Anonymizing query logs", 2007: rare queries are what gives people away).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace

from palate.search.logs.log import Entry

_SPACE = re.compile(r"\s+")
_STREETS = "street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|square|way|place|rue"
_GRAFTED = "straße|strasse|str|allee|platz|weg|gasse"  # written in one word with the name
_PATTERNS = (
    re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),  # e-mail
    re.compile(r"\b(?:https?://|www\.)\S+", re.I),  # web
    re.compile(r"\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|info|io|de|uk|fr|eu)\b\S*", re.I),
    re.compile(rf"\b\d+[a-z]?\s+(?:[\w'-]+\s+){{1,3}}(?:{_STREETS})\b\.?", re.I),  # 12 Elm Street
    re.compile(rf"\b[\w'-]+\s?(?:{_GRAFTED})\.?\s+\d+[a-z]?\b", re.I),  # Lindenweg 4
    re.compile(r"(?<!\w)@\w+"),  # a handle
)
_NUMBER = re.compile(r"\+?\d(?:[\d\s().,:/-]*\d)?")
_TRIM = " \t-–,.;:/()[]{}\"'"


def stripped(text: str) -> str:
    """The text without e-mail, web and street addresses, handles and numbers.

    Letters and digits in one word, as in ``mp3`` or ``b12``, are a name and stay.
    """
    for pattern in _PATTERNS:
        text = pattern.sub(" ", text)
    text = _NUMBER.sub(_number, text)
    return _SPACE.sub(" ", text).strip(_TRIM)


def _number(found: re.Match[str]) -> str:
    before = found.string[found.start() - 1 : found.start()]
    after = found.string[found.end() : found.end() + 1]
    short = sum(c.isdigit() for c in found[0]) <= 3 and found[0].isdigit()
    return found[0] if short and (before.isalpha() or after.isalpha()) else " "


def plain_query(text: str) -> str:
    """A query as it is counted: stripped, in lower case."""
    return stripped(text).lower()


class Pseudonyms:
    """Hashes in the place of names, with a secret: without it, no name can be tried out.

    HMAC-SHA256. Who keeps the secret can link logs of different days; a fresh one, which is
    forgotten with this object, cannot.
    """

    def __init__(self, salt: bytes | None = None) -> None:
        """
        Args:
            salt: the secret; a random one if not given.
        """
        self._salt = salt or secrets.token_bytes(32)

    def of(self, name: str) -> str:
        """16 hexadecimal digits."""
        told = name.encode("utf-8", "replace")
        return hmac.new(self._salt, told, hashlib.sha256).hexdigest()[:16]


def pseudonymous(log: Iterable[Entry], names: Pseudonyms) -> Iterator[Entry]:
    """The log with hashes for users and sessions, and queries stripped; what is left empty goes."""
    for one in log:
        query = plain_query(one.query)
        if query:
            user = names.of(one.user)
            session = names.of(f"{one.user}\n{one.session}")
            yield replace(one, user=user, session=session, query=query)


def common_queries(log: Iterable[Entry], users: int) -> set[str]:
    """Queries that at least so many different users asked."""
    who: dict[str, set[str]] = {}
    for one in log:
        asked = who.setdefault(one.query, set())
        if len(asked) < users:
            asked.add(one.user)
    return {query for query, asked in who.items() if len(asked) >= users}
