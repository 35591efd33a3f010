"""Learned sparse search: terms that a masked language model adds to texts, and their weights.

    w(t) = max over positions of log(1 + relu(logit(t)))

of documents and queries, and their product is the score (SPLADE with max pooling; Formal et al.,
"SPLADE v2", 2021). A document counts by all of its passages together: each term has its highest
weight. It wants a model that was trained for this, as ``naver/splade-cocondenser-ensembledistil``;
any other masked language model runs and finds little.

Legend: b batch, l length, v vocabulary.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from pydantic import Field

from palate.config import Config
from palate.errors import ConfigError
from palate.language.embeddings import batches
from palate.language.precision import choose_device
from palate.language.quiet import quiet
from palate.language.weights import resolve
from palate.search.index import SearchIndex, Snapshot, View
from palate.search.passages import passages
from palate.search.postings import Postings
from palate.search.progress import counting
from palate.search.results import Query, Results
from palate.search.selection import best, gathered

PIECE = 256  # passages between two looks at the progress bar


class SpladeConfig(Config):
    """Settings of learned sparse search."""

    model: str
    """Hub id or folder of a masked language model."""
    terms: int = Field(256, ge=1)
    """So many terms of a document are kept, those of the highest weights."""
    query_terms: int = Field(64, ge=1)
    """So many terms of a query."""
    max_tokens: int = Field(256, ge=2)
    """Cut texts to so many tokens."""
    device: str = "auto"
    """Where the model runs."""


class Splade:
    """Finds documents by the terms that a model gives to them and to the query."""

    Config = SpladeConfig
    kind = "retriever"

    def __init__(self, config: SpladeConfig, index: SearchIndex, name: str = "splade") -> None:
        self.config = config
        self.index = index
        self.name = name
        self._model: MaskedModel | None = None

    def retrieve(self, queries: Sequence[Query], k: int) -> list[Results]:
        """One list per query; documents that share no term with it are in none."""
        model = self.model
        with self.index.reading() as snapshot:
            self.prepare(snapshot)
            found = []
            for query in queries:
                start = time.perf_counter()
                [weights] = model.terms([query.text], self.config.query_terms)
                parts = []
                for view in snapshot.views:
                    postings = self._postings(snapshot, view)
                    scores = np.zeros(len(view.segment), dtype=np.float32)
                    for term, weight in weights.items():
                        number = postings.find(term.encode())
                        if number >= 0:
                            span = slice(*postings.starts[number : number + 2].tolist())
                            scores[postings.documents[span]] += weight * postings.values[span]
                    scores[~view.alive] = 0
                    places = best(scores, view.segment.ranks, k)
                    parts.append((view.segment, places, scores[places], None))
                note = " ".join(list(weights)[:10])
                one = gathered(query, parts, k, self.name, note)
                found.append(one.spent(self.name, time.perf_counter() - start))
            return found

    def prepare(self, snapshot: Snapshot) -> None:
        """Compute the terms that are not there yet, with a progress bar."""
        for view in snapshot.views:
            self._postings(snapshot, view)

    @property
    def model(self) -> MaskedModel:
        """The model, loaded when it is first needed."""
        if self._model is None:
            config = self.config
            self._model = MaskedModel(config.model, config.max_tokens, config.device)
        return self._model

    def _postings(self, snapshot: Snapshot, view: View) -> Postings:
        key = hashlib.sha256(f"{self.model.fingerprint} {self.config.terms}".encode()).hexdigest()
        name = f"splade-{key[:16]}"

        def make() -> Postings:
            # The lengths are written last: where they are, all is.
            if (view.segment.folder / f"{name}.lengths.npy").exists():
                return Postings.open(view.segment.folder, name)
            made = self._weighted(snapshot, view)
            with suppress(OSError):  # an index that this person may only read
                made.save(view.segment.folder, name)
            return made

        return view.segment.once(name, make)

    def _weighted(self, snapshot: Snapshot, view: View) -> Postings:
        living = np.flatnonzero(view.alive)
        numbers = view.segment.numbers[living].tolist()
        cut = snapshot.config.passage_words, snapshot.config.passage_overlap
        owners: list[int] = []
        texts: list[str] = []
        for place, document in zip(living.tolist(), snapshot.store.numbered(numbers), strict=True):
            parts = passages(document, *cut)
            owners += [place] * len(parts)
            texts += parts
        weights: dict[int, dict[str, float]] = {}
        with counting(f"terms of {len(texts):,} passages", len(texts)) as told:
            for start in range(0, len(texts), PIECE):
                some = self.model.terms(texts[start : start + PIECE], self.config.terms)
                for owner, one in zip(owners[start : start + PIECE], some, strict=True):
                    own = weights.setdefault(owner, {})
                    for term, weight in one.items():
                        own[term] = max(weight, own.get(term, 0.0))
                told(len(some))
        terms = sorted({term for own in weights.values() for term in own}, key=str.encode)
        column = {term: number for number, term in enumerate(terms)}
        entries = [(column[t], d, w) for d, own in weights.items() for t, w in own.items()]
        table = np.array(entries, dtype=np.float64).reshape(-1, 3)
        return Postings.weighted(
            terms, table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2],
            len(view.segment),
        )  # fmt: skip


class MaskedModel:
    """A masked language model that weighs the words of its vocabulary.

    Attributes:
        fingerprint: of all that decides a text's terms.
    """

    def __init__(self, model: str, max_tokens: int, device: str) -> None:
        from transformers import AutoModelForMaskedLM, AutoTokenizer

        place = resolve(model)
        try:
            with quiet():
                self._tokenizer = AutoTokenizer.from_pretrained(place)
                loaded = AutoModelForMaskedLM.from_pretrained(place, dtype=torch.float32)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"model '{model}' cannot be loaded as a masked language model: "
                f"{str(error).splitlines()[0]}"
            ) from None
        self._model: Any = loaded.to(choose_device(device)).eval()
        self._max_tokens = max_tokens
        size = self._model.config.vocab_size
        self._words = self._tokenizer.convert_ids_to_tokens(
            list(range(min(size, len(self._tokenizer))))
        )
        special = torch.zeros(size, dtype=torch.bool)
        special[self._tokenizer.all_special_ids] = True
        self._special = special
        self.fingerprint = self._fingerprint()

    def terms(self, texts: Sequence[str], most: int) -> list[dict[str, float]]:
        """The terms of each text with the highest weights, highest first."""
        ids = self._tokenizer(list(texts), truncation=True, max_length=self._max_tokens)[
            "input_ids"
        ]
        found: list[dict[str, float]] = [{}] * len(texts)
        for which in batches([len(one) for one in ids], 2048):
            batch = self._tokenizer.pad(
                {"input_ids": [ids[i] for i in which]}, return_tensors="pt"
            ).to(self._model.device)
            with torch.inference_mode():
                logits = self._model(**batch).logits.float()  # [b, l, v]
            mask = batch["attention_mask"].unsqueeze(-1)
            weights = (torch.log1p(logits.relu()) * mask).amax(1).cpu()  # [b, v]
            weights[:, self._special] = 0
            values, places = weights.topk(min(most, weights.shape[1]))
            for row, i in enumerate(which):
                pairs = zip(places[row].tolist(), values[row].tolist(), strict=True)
                found[i] = {self._words[p]: v for p, v in pairs if v > 0 and p < len(self._words)}
        return found

    def _fingerprint(self) -> str:
        config = self._model.config.to_diff_dict()
        for label in ("_name_or_path", "transformers_version", "dtype"):
            config.pop(label, None)
        told = json.dumps([1, self._max_tokens, config], sort_keys=True, default=str)
        digest = hashlib.sha256(told.encode())
        digest.update(self._tokenizer.backend_tokenizer.to_str().encode())
        for value in self._model.state_dict().values():
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
        return digest.hexdigest()
