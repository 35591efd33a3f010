"""How good a text is, by two teachers: pages that people were pleased by, or a language model.

Legend: n texts, f features, d dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from safetensors.numpy import load_file, save_file

from palate.config import Config
from palate.errors import ConfigError, DataError, RunError
from palate.evaluation.ranking import Values
from palate.language.questions import ChatModel, Choose
from palate.search.asking import clipped, fenced, user

WEIGHTS, SETTINGS = "quality.safetensors", "quality.json"
GRADES = ("0", "1", "2", "3", "4", "5")
Encode = Callable[[Sequence[str]], Values]
"""n texts -> [n, d] vectors."""


class QualityConfig(Config):
    """Settings of the n-gram classifier."""

    features: int = Field(2**18, ge=2)
    """Buckets that words and pairs of words are hashed into."""
    longest: int = Field(2, ge=1)
    """Words of the longest run that counts."""
    strength: float = Field(10.0, gt=0)
    """Inverse of the regularisation; at 1 pairs of words count for little."""
    words: int = Field(1000, ge=1)
    """Words of a text that are read."""


def _hashing(config: QualityConfig) -> Any:
    try:
        from sklearn.feature_extraction.text import HashingVectorizer
    except ImportError:
        raise ConfigError(
            "a classifier needs the extra 'search': pip install 'palate[search]'"
        ) from None
    return HashingVectorizer(
        n_features=config.features, ngram_range=(1, config.longest), alternate_sign=False,
        norm="l2", lowercase=True, token_pattern=r"(?u)\b\w+\b",
    )  # fmt: skip


class NgramClassifier:
    """A linear model on hashed words and runs of words: texts like the positives score near 1.

    The manner of DCLM (Li et al., arXiv:2406.11794), whose fastText classifier averages n-gram
    vectors; here a logistic regression weighs the n-grams themselves.
    """

    def __init__(self, config: QualityConfig | None = None) -> None:
        self.config = config or QualityConfig()
        self._weights: Values = np.zeros(0)
        self._bias = 0.0

    def fit(self, positives: Sequence[str], negatives: Sequence[str]) -> NgramClassifier:
        """Learn to tell them apart; both kinds weigh alike, however many there are.

        Raises:
            DataError: there are none of one kind.
        """
        from sklearn.linear_model import LogisticRegression

        if not positives or not negatives:
            raise DataError(
                f"a classifier needs both kinds of texts: {len(positives)} positive, "
                f"{len(negatives)} negative"
            )
        features = self._features([*positives, *negatives])
        labels = np.repeat([1, 0], [len(positives), len(negatives)])
        model = LogisticRegression(
            C=self.config.strength, class_weight="balanced", solver="liblinear", random_state=0
        )
        model.fit(features, labels)
        self._weights, self._bias = model.coef_[0].astype(float), float(model.intercept_[0])
        return self

    def score(self, texts: Sequence[str]) -> Values:
        """[n] probability of being like the positives.

        Raises:
            RunError: it has not learned.
        """
        if not len(self._weights):
            raise RunError("the classifier has not learned; call fit or load")
        if not texts:
            return np.empty(0)
        found: Values = 1 / (1 + np.exp(-(self._features(texts) @ self._weights + self._bias)))
        return found

    def save(self, folder: Path) -> None:
        """Write weights and settings."""
        folder.mkdir(parents=True, exist_ok=True)
        told = {"weights": self._weights, "bias": np.array([self._bias])}
        save_file(told, folder / WEIGHTS)
        (folder / SETTINGS).write_text(self.config.model_dump_json(indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> NgramClassifier:
        """Read what was saved.

        Raises:
            RunError: there is no classifier.
        """
        if not (folder / WEIGHTS).is_file() or not (folder / SETTINGS).is_file():
            raise RunError(f"{folder}: no classifier here ({WEIGHTS} and {SETTINGS})")
        told = json.loads((folder / SETTINGS).read_text("utf-8"))
        made = cls(QualityConfig.model_validate(told))
        arrays = load_file(folder / WEIGHTS)
        made._weights, made._bias = arrays["weights"], float(arrays["bias"][0])
        return made

    def _features(self, texts: Sequence[str]) -> Any:
        return _hashing(self.config).transform([clipped(text, self.config.words) for text in texts])


class GradedQuality:
    """A ridge on frozen vectors that foretells the grade a language model would give.

    The manner of FineWeb-Edu (Penedo et al., arXiv:2406.17557): some texts are graded 0 … 5, a
    linear head learns from them, and the rest are graded by it.
    """

    def __init__(self, encode: Encode) -> None:
        """
        Args:
            encode: texts to vectors, such as the ``encode`` of a
                :class:`~palate.language.encoder.Encoder`.
        """
        self._encode = encode
        self._model: Any = None

    def fit(self, texts: Sequence[str], grades: Sequence[float]) -> GradedQuality:
        """Learn from grades; the strength of the ridge is found by leaving one out.

        Raises:
            DataError: fewer than two texts.
        """
        try:
            from sklearn.linear_model import RidgeCV
        except ImportError:
            raise ConfigError(
                "a graded quality needs the extra 'search': pip install 'palate[search]'"
            ) from None
        if len(texts) < 2:
            raise DataError(f"grades of at least two texts are needed, not {len(texts)}")
        self._model = RidgeCV(alphas=np.logspace(-3, 3, 13))
        self._model.fit(np.asarray(self._encode(texts), dtype=float), np.asarray(grades))
        return self

    def score(self, texts: Sequence[str]) -> Values:
        """[n] foretold grades, within 0 … 5."""
        if self._model is None:
            raise RunError("the quality model has not learned; call fit")
        if not texts:
            return np.empty(0)
        vectors = np.asarray(self._encode(texts), dtype=float)
        found: Values = self._model.predict(vectors).clip(0, len(GRADES) - 1)
        return found


def grade_question(text: str, words: int = 200) -> Choose:
    """How educational a text is, as a choice among grades."""
    turns = user(
        f"Text:\n{fenced(clipped(text, words))}",
        "How much could a student learn from the text? Answer with a number from 0 (nothing: "
        "spam, menus, advertising) to 5 (a lot: clear, complete, correct).",
    )
    return Choose(turns, GRADES)


def grades(model: ChatModel, texts: Sequence[str], words: int = 200) -> Values:
    """[n] the mean of the grades 0 … 5 under the model's probabilities of them.

    A mean says more than the likeliest grade where a small model has a favourite one.
    """
    replies = model.ask([grade_question(text, words) for text in texts])
    log_probs = np.array([reply.log_probs for reply in replies]).reshape(-1, len(GRADES))
    odds = np.exp(log_probs - log_probs.max(1, keepdims=True, initial=-np.inf))
    found: Values = (odds / odds.sum(1, keepdims=True)) @ np.arange(len(GRADES))
    return found
