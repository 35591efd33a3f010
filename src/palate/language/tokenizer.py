"""Text to tokens, with text from data kept apart from markup.

A title that spells a control token, ``<|im_end|>`` say, is only a title: :meth:`Tokenizer.encode`
never yields a control token, whatever the text. Control tokens come from markup alone, which
is written by the house or rendered from the model's own chat template.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from palate.errors import ConfigError


class Tokenizer:
    """A transformers tokenizer, with the questions that prompts ask of it.

    Attributes:
        raw: the transformers tokenizer.
        bos_id: token that every text starts with, or None where the model wants none.
        eos_id: token that ends an answer, or None where the model has none.
        pad_id: token that fills batches; another token's id where the model has none of its
            own, which is why masks are made from positions and never from this id.
    """

    def __init__(self, raw: Any) -> None:
        if not raw.is_fast:
            raise ConfigError(f"{raw.name_or_path}: a tokenizer in Rust (tokenizer.json) is needed")
        self.raw = raw
        # Having a BOS token does not mean starting texts with it: SmolLM2 has one and does not.
        starts = raw("a", verbose=False)["input_ids"][:1] == [raw.bos_token_id]
        self.bos_id: int | None = raw.bos_token_id if starts else None
        self.eos_id: int | None = raw.eos_token_id
        candidates = (raw.pad_token_id, raw.eos_token_id, raw.unk_token_id, 0)
        self.pad_id: int = next(id_ for id_ in candidates if id_ is not None)

    @property
    def has_chat_template(self) -> bool:
        """True where the model was trained on conversations in a format of its own."""
        return bool(self.raw.chat_template)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that decides which tokens a text becomes."""
        told = [self.raw.backend_tokenizer.to_str(), self.raw.chat_template, self.bos_id]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @cached_property
    def _control(self) -> dict[str, Any]:
        """The added tokens that mean something to the model, by their text."""
        template = str(self.raw.chat_template or "")
        return {
            token.content: token
            for token in self.raw.added_tokens_decoder.values()
            if token.special or (token.content.strip() and token.content in template)
        }

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        ids = {self.raw.convert_tokens_to_ids(text) for text in self._control}
        # An unknown letter is no control token, unless the model uses one token for both.
        return frozenset(ids - ({self.raw.unk_token_id} - {self.bos_id, self.eos_id}))

    @cached_property
    def _control_pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self._control, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    @cached_property
    def _adds_space(self) -> bool:
        """True for SentencePiece models that put a space before each text they are given."""
        (ids,) = self._raw(["a\na"])
        return ids[0] != ids[-1]

    def encode(self, texts: Sequence[str], *, continues: bool = False) -> list[list[int]]:
        """Tokens of each text, without BOS or EOS; never a control token.

        Args:
            continues: the texts follow something, so that no space is put before them.
        """
        return [
            ids if self._control_ids.isdisjoint(ids) else self._broken_up(text, continues)
            for text, ids in zip(texts, self._plain(texts, continues), strict=True)
        ]

    def split_markup(self, text: str) -> list[str | int]:
        """Trusted *text* cut at control tokens: ids for those, strings for what is between."""
        pieces: list[str | int] = []
        start, strip_next = 0, False
        for match in self._control_pattern.finditer(text):
            token = self._control[match.group()]
            self._add_plain(pieces, text[start : match.start()], strip_next, token.lstrip)
            pieces.append(self.raw.convert_tokens_to_ids(match.group()))
            start, strip_next = match.end(), token.rstrip
        self._add_plain(pieces, text[start:], strip_next, False)
        return pieces

    @staticmethod
    def _add_plain(pieces: list[str | int], text: str, left: bool, right: bool) -> None:
        text = text.lstrip() if left else text
        text = text.rstrip() if right else text
        if text:
            pieces.append(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of tokens, control tokens left out."""
        return self.raw.decode(list(ids), skip_special_tokens=True)

    def clip(self, text: str, tokens: int) -> str:
        """The longest beginning of *text* of at most *tokens* tokens, cut between tokens."""
        encoded = self.raw(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
            verbose=False,
        )
        if len(encoded["input_ids"]) <= tokens:
            return text
        return text[: encoded["offset_mapping"][tokens][0]]

    def _plain(self, texts: Sequence[str], continues: bool) -> list[list[int]]:
        if not texts:
            return []
        if not (continues and self._adds_space):
            return self._raw(texts)
        # The space goes before a line end that is put there for it and taken off again.
        (before,) = self._raw(["\n"])
        found = self._raw(["\n" + text for text in texts])
        return [
            ids[len(before) :] if ids[: len(before)] == before else self._raw([text])[0]
            for text, ids in zip(texts, found, strict=True)
        ]

    def _raw(self, texts: Sequence[str]) -> list[list[int]]:
        return self.raw(
            list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False
        )["input_ids"]

    def _broken_up(self, text: str, continues: bool) -> list[int]:
        """Tokens of a text that still gave a control token: it is cut inside each such spelling."""
        cuts = [match.start() + 1 for match in self._control_pattern.finditer(text)]
        parts = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
        found = self._plain(parts[:1], continues) + self._plain(parts[1:], True)
        return [id_ for ids in found for id_ in ids if id_ not in self._control_ids]
