"""Sentences of documents that speak to whoever reads them by machine.

Text of a document is data. Nothing in it is obeyed: no document can make the house do anything,
what a model writes must be found in the documents, and prompts fence them in. Sentences that are
instructions all the same are no answer to anybody's question either, so they are neither quoted
nor shown to a model. Patterns catch what is said plainly, in a few languages; who says it in other
words gets quoted, with the name of the document, and no further.
"""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0f\ufeff]")
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Put aside what was said before.
        r"\b(?:ignor\w*|disregard|forget|overrid\w*|bypass|discard)\b[^.!?]{0,40}\b(?:previous|"
        r"prior|above|earlier|preceding|foregoing|all|any|other|your|these|those|system)\b[^.!?]{0,40}"
        r"\b(?:instructions?|prompts?|rules?|messages?|context|passages?|documents?|sources?|"
        r"guidelines?|training|results?)\b",
        r"\b(?:ignorier\w*|vergiss|missacht\w*)\b[^.!?]{0,60}\b(?:anweisung\w*|regeln|vorgaben)\b",
        r"\b(?:ignore[zr]?|oublie[zr]?)\b[^.!?]{0,60}\b(?:instructions?|consignes?|règles)\b",
        r"\b(?:ignora\w*|olvida\w*)\b[^.!?]{0,60}\b(?:instrucci\w+|istruzioni|reglas|instruç\w+)\b",
        # Speak to the machine.
        r"\b(?:you are|you're|act as|pretend to be|behave as|as) (?:now )?(?:an? |the )?"
        r"(?:\w+ ){0,2}(?:ai|assistant|chat ?bot|language model|llm|dan)\b",
        r"\b(?:attention|note|message|notice|instructions?)\b[^.!?]{0,15}\b(?:to|for)\b[^.!?]{0,15}"
        r"\b(?:ai|assistants?|chat ?bots?|language models?|llms?|the model|agents?)\b",
        r"\b(?:dear|hey|hello) (?:ai|assistant|chat ?bot|language model|llm|model)\b",
        r"^\W*(?:system|assistant|user|developer|human|ai)\s*(?:prompt|message)?\s*[:>\]]",
        r"<\|?\s*/?(?:im_start|im_end|system|assistant|user|endoftext|eot_id)\b|\[/?INST\]|<<SYS>>",
        r"\bnew (?:instructions?|task|system prompt|objective)\s*[:\-]",
        r"\b(?:system|hidden|initial|secret|developer) prompt\b",
        # Dictate the answer.
        r"\b(?:answer|respond|reply|say|output|print|write|repeat|state|cite|tell (?:the )?users?)"
        r"\b[^.!?]{0,25}\b(?:only|exactly|instead|with the (?:word|phrase|text|following)|"
        r"nothing (?:but|else)|the following|verbatim|passage \[?\d)\b",
        r"\b(?:you must|you should|you shall|you have to|make sure to|be sure to|always|never)\b"
        r"[^.!?]{0,30}\b(?:answer|respond|reply|say|output|mention|recommend|tell|cite|reveal|"
        r"refuse|claim)\b",
        r"\b(?:when|if) (?:you are |you're |anyone |somebody |someone |a user |the user |users? )?"
        r"(?:asks?|asked|queried|questioned)\b",
        r"\b(?:the )?(?:correct|right|true|real|final|only|official)? ?answer to "
        r"(?:the|this|that|your|any|every|all|user'?s?)\b[^.!?]{0,30}\bquestions?\b",
        r"\bthe (?:correct|right|true|real|final|only|official) answer is\b",
        r"\b(?:other|above|previous|remaining) (?:passages?|documents?|sources?|results?)\b"
        r"[^.!?]{0,40}\b(?:wrong|false|outdated|obsolete|incorrect|untrustworthy|unreliable|fake)\b",
        # Have something done.
        r"\b(?:call|invoke|execute|run|use)\b[^.!?]{0,25}\b(?:tools?|functions?|commands?|shell|"
        r"code|scripts?|api)\b[^.!?]{0,40}(?:\w+\(|\bdelet\w*|\bsend\b|\brm\b|\bcurl\b|\bto\b)",
        r"\b(?:send|forward|e-?mail|post|upload|leak)\b[^.!?]{0,40}\b(?:conversation|history|data|"
        r"password|api key|keys|credentials|contents?)\b[^.!?]{0,30}\bto\b",
        r"\b(?:delete|drop|erase|wipe)\b[^.!?]{0,20}\b(?:the index|all documents|every document|"
        r"the database|all files)\b",
        r"!\[[^\]]*\]\(https?:|<script\b",
    )
)


def plain(text: str) -> str:
    """The text in compatible characters, without those that are not seen."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def is_instruction(sentence: str) -> bool:
    """Whether a sentence speaks to the machine that reads it."""
    seen = plain(sentence)
    return any(pattern.search(seen) for pattern in _PATTERNS)


def is_question(sentence: str) -> bool:
    """Whether a sentence asks: what asks does not answer."""
    return sentence.rstrip("\"'”’) ").endswith(("?", "？"))
