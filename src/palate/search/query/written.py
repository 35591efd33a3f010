"""What language models write, made usable: lines without bullets, texts without preambles."""

from __future__ import annotations

import re

_BULLET = re.compile(r"^\s*(?:[-*•·]+|\(?\d{1,2}[.):]|[a-z][.)])\s*")
_PREAMBLE = re.compile(r"^(?:sure|here (?:is|are)|of course|certainly)\b[^:\n]*:\s*", re.IGNORECASE)
_QUOTES = "\"'“”‘’`*_ "


def lines(text: str, most_words: int = 30) -> list[str]:
    """The lines, without bullets, numbers and quotes; each once, and none longer than so many
    words or ending in a colon (those introduce)."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        plain = _BULLET.sub("", line).strip().strip(_QUOTES).strip()
        if plain and not plain.endswith(":") and len(plain.split()) <= most_words:
            found.setdefault(plain.lower(), plain)
    return list(found.values())


def prose(text: str, most_words: int = 120) -> str:
    """The text in one line, without a preamble, cut to so many words."""
    plain = _PREAMBLE.sub("", text.strip())
    return " ".join(plain.split()[:most_words]).strip(_QUOTES)
