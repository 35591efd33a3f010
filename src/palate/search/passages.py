"""Long documents in passages that a model of language can read whole."""

from __future__ import annotations

import re

from palate.search.documents import Document

WORDS = re.compile(r"\S+")


def passages(document: Document, words: int, overlap: int) -> list[str]:
    """The document as passages of at most *words* words, each under the document's title.

    A passage repeats the last *overlap* words of the one before, so that what stands at a border
    stands whole in one of them. The last one is as long as the others: it repeats more. A
    document without a word has no passage.
    """
    text, title = document.text.strip(), document.title.strip()
    spans = [found.span() for found in WORDS.finditer(text)]
    if not spans:
        return [title] if title else []
    starts = list(range(0, max(len(spans) - words, 0), max(words - overlap, 1)))
    starts.append(max(len(spans) - words, 0))
    head = f"{title}\n" if title else ""
    return [
        head + text[spans[start][0] : spans[min(start + words, len(spans)) - 1][1]]
        for start in dict.fromkeys(starts)
    ]
