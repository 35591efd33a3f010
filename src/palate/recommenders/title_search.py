"""The catalogue ranked by what a language model would write: beam search among its titles.

Legend: u prompts (one a user), i items of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings, TextFree
from palate.language.generation import Vectors, answer_tokens, generate
from palate.language.prompts import Prompt
from palate.language.trie import Trie
from palate.recommenders.base import Scores

UNREACHED = -1e4  # of items that no beam came to: below all log-probabilities


class TitleSearch:
    """The answers that name an item, as a tree that searches are held to."""

    def __init__(self, backbone: Backbone, answers: Sequence[str], end: str | None = None) -> None:
        """
        Args:
            answers: [i] the answer that names each item; items may share one.
            end: what ends an answer, as the prompts have it.
        """
        self.backbone = backbone
        self.trie = Trie(answer_tokens(backbone.tokenizer, answers, end))

    def score(
        self,
        prompts: Sequence[Prompt],
        beams: int,
        *,
        text_free: TextFree | None = None,
        vectors: Vectors | None = None,
        batch_tokens: int = 8192,
    ) -> Scores:
        """[u, i] log-probabilities of the answers that beams end in; the others share the last
        place.

        Sums over tokens, without length normalisation, which would favour titles whose last
        tokens follow by themselves (D3: Bao et al., "Decoding Matters", EMNLP 2024).

        Args:
            text_free: mix in another model's view of the next token; one row per prompt.
            vectors: what goes into the prompts' slots.
        """
        found = generate(
            self.backbone,
            prompts,
            BeamSettings(beams, self.trie.depth, length_penalty=0.0),
            allowed=self.trie,
            text_free=text_free,
            vectors=vectors,
            batch_tokens=batch_tokens,
        )
        scores = np.full((len(prompts), len(self.trie.leaves)), UNREACHED, dtype=np.float32)
        for row, hypotheses in enumerate(found):
            for one in hypotheses:
                assert one.leaf is not None
                scores[row, self.trie.answers_at(one.leaf)] = one.score
        return scores
