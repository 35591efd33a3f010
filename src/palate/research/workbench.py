"""A corpus that is indexed, a language model and an encoder: opened once, for many topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from palate.config import Config
from palate.language.chat import ChatConfig
from palate.language.questions import ChatModel
from palate.research.budget import Ledger
from palate.research.corpus import Corpus, Guards
from palate.research.desk import Brief, Desk, Embed
from palate.research.finding import Finder, index_corpus, lexical
from palate.search.index import SearchIndex
from palate.search.results import Retriever

LSA_SIZE = 100


class BenchConfig(Config):
    """What systems may use."""

    encoder: str = "minilm"
    """Makes vectors: minilm, a hub id or folder of an encoder, lsa for none, or none for no vectors
    at all."""
    search_by_vectors: bool = True
    """Search the whole corpus by vectors; takes long when a corpus is seen for the first time."""
    chat: ChatConfig | None = None
    """The language model; without one, systems that need it cannot be used."""
    guards: Guards = Guards()
    """What a topic may not know."""


@dataclass
class Workbench:
    """What does not depend on the topic.

    Attributes:
        told: called with what is being done.
        remarks: what a person should know, as that no encoder was within reach.
    """

    corpus: Corpus
    config: BenchConfig = field(default_factory=BenchConfig)
    folder: Path | None = None
    told: Callable[[str], None] | None = None
    remarks: list[str] = field(default_factory=list)

    def desk(self, brief: Brief, ledger: Ledger, survey: str = "", search: bool = True) -> Desk:
        """What there is for one topic.

        Args:
            survey: id of the survey itself, if it is in the corpus.
            search: the system searches; one that only organises does not.

        Raises:
            DataError: the topic may use no paper, or has no date.
        """
        allowed, left = self.corpus.allowed(brief.before, survey, brief.title, self.config.guards)
        self.remarks = list(dict.fromkeys([*self.remarks, f"left out: {left}"]))
        ways = self.retrievers if search else {}
        return Desk(
            allowed, Finder(ways, allowed, len(self.corpus)), ledger, self.model, self.embed
        )

    @cached_property
    def index(self) -> SearchIndex:
        """The corpus, indexed."""
        self._tell(f"indexing {len(self.corpus):,} papers")
        return index_corpus(self.corpus, self.folder)

    @cached_property
    def retrievers(self) -> Mapping[str, Retriever]:
        """Every way to search."""
        found: dict[str, Retriever] = dict(lexical(self.index))
        if self.config.search_by_vectors and self.config.encoder != "none":
            from palate.search.dense import Dense, DenseConfig

            for name, feedback in (("dense", "none"), ("dense-rocchio", "rocchio")):
                settings = DenseConfig(model=self.config.encoder, feedback=feedback)
                found[name] = Dense(settings, self.index, name)
            self._tell("vectors of all papers")
            with self.index.reading() as snapshot:
                dense = found["dense"]
                assert isinstance(dense, Dense)
                dense.prepare(snapshot)
                self.remarks += dense.remarks
        return found

    @cached_property
    def model(self) -> ChatModel | None:
        """The language model, where one is named."""
        if self.config.chat is None:
            return None
        from palate.language.chat import open_chat

        self._tell(f"loading {self.config.chat.model}")
        return open_chat(self.config.chat)

    @cached_property
    def embed(self) -> Embed | None:
        """Vectors of texts; kept while the workbench is open."""
        if self.config.encoder == "none":
            return None
        if self.config.encoder == "lsa":
            return lsa
        from palate.errors import SourceError
        from palate.language.encoder import load_encoder
        from palate.search.vectors import cached

        try:
            encoder = load_encoder(self.config.encoder)
        except SourceError as error:
            self.remarks.append(f"vectors are TF-IDF with a truncated SVD: {error}")
            return lsa
        return lambda texts: cached(encoder.fingerprint, encoder.size, list(texts), encoder.encode)

    def _tell(self, what: str) -> None:
        if self.told is not None:
            self.told(what)


def lsa(texts: object) -> np.ndarray:
    """[n, h] vectors of texts out of these texts alone: TF-IDF and a truncated SVD."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [str(text) for text in texts]  # type: ignore[attr-defined]
    try:
        words = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
    except ValueError:  # not a word in them
        return np.ones((len(texts), 1))
    size = min(LSA_SIZE, min(words.shape) - 1)
    if size < 1:
        return np.asarray(words.toarray())
    return np.asarray(TruncatedSVD(size, random_state=0).fit_transform(words))
