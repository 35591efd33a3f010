"""BibTeX: entries as papers; braces, quoted text, ``#`` and ``@string`` are understood."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from palate.data.readers.encoding import utf8
from palate.data.readers.text import read_bytes
from palate.errors import DataError
from palate.research.papers import Paper
from palate.research.readers.json_lines import keywords_of

ENTRY = re.compile(r"@\s*([A-Za-z]+)\s*([{(])")
NAME = re.compile(r"\s*([^\s=,{}()\"#%]+)\s*=\s*")
NO_PAPERS = {"comment", "preamble", "string"}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
ACCENTS = {"`": "̀", "'": "́", "^": "̂", '"': "̈", "~": "̃", "=": "̄", ".": "̇", "u": "̆",
           "v": "̌", "H": "̋", "c": "̧", "k": "̨", "r": "̊", "b": "̱", "d": "̣"}  # fmt: skip
LETTERS = {"ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ",
           "OE": "Œ", "aa": "å", "AA": "Å", "i": "ı", "&": "&", "%": "%", "_": "_", "$": "$",
           "#": "#"}  # fmt: skip
ACCENTED = re.compile(
    r"\\(?:([`'^\"~=.])\s*\{?\\?([A-Za-z])\}?|([uvHckrbd])(?:\s+|\s*\{)\\?([A-Za-z])\}?)"
)
LETTER = re.compile(r"\\(ss|ae|AE|oe|OE|aa|AA|[oOlLi])(?![A-Za-z])\s*(?:\{\})?|\\([&%_$#])")
COMMAND = re.compile(r"\\[A-Za-z]+\s*")


def read(path: Path) -> list[Paper]:
    """Every entry with a title a paper.

    Raises:
        DataError: an entry is not closed, or there is none with a title.
    """
    text = utf8(read_bytes(path), path, "").decode("utf-8-sig")
    strings = {month: month for month in MONTHS}
    found: dict[str, Paper] = {}
    for kind, key, fields in _entries(text, strings, path):
        if kind == "string":
            strings |= fields
        elif title := plain(fields.get("title", "")):
            name, number = key or title, 2
            while name in found:
                name, number = f"{key or title}-{number}", number + 1
            found[name] = _paper(name, title, fields)
    if not found:
        raise DataError(f"{path}: no BibTeX entry with a title")
    return list(found.values())


def plain(text: str) -> str:
    r"""Text without TeX: ``B{\'e}atrice`` is Béatrice.

    Example:
        >>> plain(r"{B}{\'e}atrice \& {\ss}")
        'Béatrice & ß'
    """

    def accented(found: re.Match[str]) -> str:
        mark, letter = found.group(1) or found.group(3), found.group(2) or found.group(4)
        return unicodedata.normalize("NFC", letter + ACCENTS[mark])

    text = ACCENTED.sub(accented, text)
    text = LETTER.sub(lambda one: LETTERS[one.group(1) or one.group(2)], text)
    text = COMMAND.sub(" ", text.replace("~", " ").replace("--", "–"))
    return " ".join(re.sub(r"[{}$\\]", "", text).split())


def _paper(name: str, title: str, fields: dict[str, str]) -> Paper:
    year = re.search(r"\d{4}", fields.get("year", "") or fields.get("date", ""))
    date = year.group() if year else ""
    if re.match(r"\d{4}-\d{2}", fields.get("date", "")):
        date = fields["date"].strip()
    elif date and (month := fields.get("month", "").strip().lower()[:3]) in MONTHS:
        date = f"{date}-{MONTHS.index(month) + 1:02}"
    authors = re.split(r"\s+and\s+", fields.get("author", "").strip())
    return Paper(
        name,
        title,
        plain(fields.get("abstract", "")),
        date=date,
        authors=tuple(plain(author) for author in authors if author),
        keywords=keywords_of(plain(fields.get("keywords", ""))),
        extra={key: plain(fields[key]) for key in ("doi", "url") if key in fields},
    )


def _entries(
    text: str, strings: dict[str, str], path: Path
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Kind, key and fields of each entry."""
    place = 0
    while found := ENTRY.search(text, place):
        kind, start = found.group(1).lower(), found.end()
        end = _closing(text, start, "}" if found.group(2) == "{" else ")")
        if end is None:
            line = text.count("\n", 0, found.start()) + 1
            raise DataError(f"{path}: row {line}: the entry @{kind} is not closed")
        place = end + 1
        body = text[start:end]
        if kind == "string":
            yield kind, "", _fields(body, strings)
        elif kind not in NO_PAPERS:
            key, _, rest = body.partition(",")
            yield kind, key.strip(), _fields(rest, strings)


def _closing(text: str, start: int, sign: str) -> int | None:
    """Where the brace that was opened before *start* is closed."""
    depth, place = 0, start
    while place < len(text):
        one = text[place]
        if one == "\\":
            place += 1
        elif depth == 0 and one == sign:
            return place
        elif one == "{":
            depth += 1
        elif one == "}":
            depth -= 1
        place += 1
    return None


def _fields(body: str, strings: dict[str, str]) -> dict[str, str]:
    """Names in lower case with their values, pieces joined."""
    fields: dict[str, str] = {}
    place = 0
    while found := NAME.search(body, place):
        place, pieces = found.end(), []
        while place < len(body):
            piece, place = _piece(body, place, strings)
            pieces.append(piece)
            joined = re.compile(r"\s*#\s*").match(body, place)
            if joined is None:
                break
            place = joined.end()
        fields.setdefault(found.group(1).lower(), "".join(pieces))
    return fields


def _piece(body: str, place: int, strings: dict[str, str]) -> tuple[str, int]:
    """One value that begins at *place*, and where it ends."""
    if body[place] == "{":
        end = _closing(body, place + 1, "}")
        end = len(body) if end is None else end
        return body[place + 1 : end], end + 1
    if body[place] == '"':
        depth = 0
        for end in range(place + 1, len(body)):
            depth += {"{": 1, "}": -1}.get(body[end], 0)
            if body[end] == '"' and depth == 0 and body[end - 1] != "\\":
                return body[place + 1 : end], end + 1
        return body[place + 1 :], len(body)
    word = re.compile(r"[^\s,#{}]*").match(body, place)
    assert word is not None
    return strings.get(word.group().lower(), word.group()), max(word.end(), place + 1)
