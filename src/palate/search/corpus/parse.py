"""From what a crawler stored to plain text: markup, boilerplate and broken characters go."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from palate.search.documents import Document

_HIDDEN = "script style noscript template iframe svg nav footer aside form select"
HIDDEN = frozenset(_HIDDEN.split())
_BLOCKS = (
    "address article blockquote br dd div dl dt figcaption figure h1 h2 h3 h4 h5 h6 header hr li "
    "main ol p pre section table td th tr ul"
)
BLOCKS = frozenset(_BLOCKS.split())
LINKED = 0.5  # a short block of which more than this share is links is boilerplate
SHORT = 25  # words
_HTML = re.compile(r"<\s*(?:!doctype|html|head|body|div|p|article|section|table|h1)\b", re.I)
_SPACE = re.compile(r"[^\S\n]+")
_BLANK = re.compile(r"\n{3,}")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Parsed:
    """A page.

    Attributes:
        links: addresses that it points to, as they are written there.
    """

    title: str
    text: str
    links: tuple[str, ...] = ()


def plain(text: str) -> str:
    """Text in composed characters, without control characters, one space between words and at
    most one empty line between paragraphs."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(c for c in composed if c in "\n\t" or unicodedata.category(c)[0] != "C")
    lines = (_SPACE.sub(" ", line).strip() for line in kept.split("\n"))
    return _BLANK.sub("\n\n", "\n".join(lines)).strip()


def normalised(text: str) -> str:
    """The words alone, in lower case and compatible characters: what equal texts share."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))


def is_html(text: str) -> bool:
    """Whether a text begins like a page."""
    return _HTML.search(text[:1000]) is not None


def parse_html(page: str) -> Parsed:
    """Title, text and links of a page.

    What is never shown goes, as do menus, and short blocks that are mostly links.
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    reader.end_block()
    return Parsed(
        plain(" ".join(reader.title)), plain("\n".join(reader.blocks)), tuple(reader.links)
    )


def parse(document: Document) -> Document:
    """The document with plain text; of a page also its title and, as a field, its links."""
    if not is_html(document.text):
        return replace(document, title=plain(document.title), text=plain(document.text))
    page = parse_html(document.text)
    fields = dict(document.fields)
    base = str(fields.get("url", ""))
    if page.links and "links" not in fields:
        fields["links"] = [urljoin(base, link).partition("#")[0] for link in page.links]
    title = plain(document.title) or page.title
    return replace(document, title=title, text=page.text, fields=fields)


def domain(document: Document) -> str:
    """Where a document comes from: its field ``domain`` or ``category``, or the host of its
    ``url``; empty where nothing is known."""
    for name in ("domain", "category"):
        if document.fields.get(name):
            return str(document.fields[name])
    host = urlsplit(str(document.fields.get("url", ""))).hostname or ""
    return host.removeprefix("www.")


class _Reader(HTMLParser):
    """Collects blocks of text, and how much of each is links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.blocks: list[str] = []
        self.links: list[str] = []
        self._hidden: list[str] = []
        self._in_title = False
        self._in_link = 0
        self._parts: list[str] = []
        self._linked = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden.append(tag)
        elif tag == "title":
            self._in_title = True
        elif tag == "a":
            self._in_link += 1
            target = dict(attrs).get("href")
            if target and not target.startswith(("#", "javascript:", "mailto:")):
                self.links.append(target)
        elif tag in BLOCKS:
            self.end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden and self._hidden.pop() != tag:
                pass
        elif tag == "title":
            self._in_title = False
        elif tag == "a":
            self._in_link = max(0, self._in_link - 1)
        elif tag in BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self._parts.append(data)
            if self._in_link:
                self._linked += len(data.split())

    def end_block(self) -> None:
        """What was read since the last block is one."""
        words = " ".join("".join(self._parts).split())
        count = len(words.split())
        if count and not (count < SHORT and self._linked > LINKED * count):
            self.blocks.append(words)
        self._parts, self._linked, self._in_link = [], 0, 0
