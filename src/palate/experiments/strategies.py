"""Ways to go on learning, period by period.

Shi et al. (LSAT), arXiv:2312.15599: full retraining, fine-tuning, a short-term model alone, a
long-term model alone, and the two mixed. Beside them PESO's single adapter that is held near what
it was (arXiv:2510.25093), and ensembles of two ordinary models, without which a gain of LSAT could
be a gain of any two models.

Period ``t`` counts from 0; a model *of* t has learned from the periods 0 … t, and is tested on
t + 1. Nothing of a later period is used, for training, stopping or choosing a weight.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from palate.data.catalogue import Catalogue
from palate.data.periods import Period, history
from palate.data.questions import Questions
from palate.experiments.atomic import replacing, write_json
from palate.recommenders.lsat import Merge, best_share, joined
from palate.recommenders.updates import Answers, Updates, Weights, mixed
from palate.training.context import FitContext
from palate.training.fit import Learned
from palate.training.proximal import Near

STRATEGIES = {
    "full": "retrained on all periods so far",
    "fine-tune": "trained on, period after period",
    "short-term": "trained on the newest period alone, from scratch",
    "long-term": "trained on the first periods, and left",
    "lsat-en": "long-term and short-term, outputs mixed",
    "lsat-ta": "long-term and short-term, tensors interpolated (as released)",
    "lsat-ta-exact": "long-term and short-term, updates interpolated",
    "lsat-en-full": "retrained on all and short-term, outputs mixed",
    "peso": "trained on, held near what it was",
    "two-full": "two retrained on all, of different seeds, outputs mixed: a control",
    "two-long": "two long-term ones of different seeds, outputs mixed: a control",
}
OTHER_SEED = 1000  # added for the second model of a control


def trained_on(
    method: Updates,
    weights: Weights,
    train: Questions,
    validation: Questions,
    context: FitContext,
    proximal: bool = False,
) -> Learned:
    """Train a method that has begun on from *weights*; it stays at them where that is better.

    Args:
        validation: what is better is said by.
        proximal: hold it near what it was (PESO).
    """
    method.take(weights)
    before = method.weights()
    kept = method.judge(method.predict(validation), validation)
    learned = method.learn(train, validation, context, Near(before) if proximal else None)
    if learned.best is None or learned.best <= kept:
        method.take(before)
    return learned


@dataclass
class Learner:
    """One method in all its states, each trained once and kept in a folder.

    Attributes:
        method: what is trained.
        folder: of weights; a model that is there is not trained again.
        first: periods that the long-term model learns from.
        seconds: of training, by the model's name.
        shares: weight of the long-term model that was chosen, by strategy and period.
        spent: seconds of training that a strategy took after a period.
    """

    method: Updates
    catalogue: Catalogue
    periods: Sequence[Period]
    first: int
    seed: int
    folder: Path
    progress: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    shares: dict[str, dict[int, float]] = field(default_factory=dict)
    spent: dict[tuple[str, int], float] = field(default_factory=dict)

    def predict(self, strategy: str, t: int, questions: Questions) -> Answers:
        """What the model of period *t* by this strategy answers."""
        plain = {
            "full": lambda: self.full(t),
            "fine-tune": lambda: self.tuned(t),
            "short-term": lambda: self.short(t),
            "long-term": lambda: self.full(self.first - 1),
            "peso": lambda: self.tuned(t, proximal=True),
        }
        if strategy in plain:
            return self._answers(plain[strategy](), questions)
        long = self.full(self.first - 1)
        if strategy in ("lsat-ta", "lsat-ta-exact"):
            merge: Merge = "factors" if strategy == "lsat-ta" else "updates"
            return self._merged(strategy, merge, t, long, self.short(t), questions)
        pairs = {
            "lsat-en": lambda: (long, self.short(t)),
            "lsat-en-full": lambda: (self.full(t), self.short(t)),
            "two-full": lambda: (self.full(t), self.full(t, OTHER_SEED)),
            "two-long": lambda: (long, self.full(self.first - 1, OTHER_SEED)),
        }
        return self._mixed(strategy, t, *pairs[strategy](), questions)

    def full(self, t: int, seed: int = 0) -> Weights:
        """Learned from all periods up to *t*, with the seed so many further."""
        train = self.periods[t].train
        if t:
            train = history(self.periods[:t]).and_(train)
        return self._fresh(f"full-{t}" + (f"-seed{seed}" if seed else ""), train, t, seed)

    def short(self, t: int) -> Weights:
        """Learned from period *t* alone."""
        return self._fresh(f"short-{t}", self.periods[t].train, t, 0)

    def tuned(self, t: int, proximal: bool = False) -> Weights:
        """The long-term model, trained on in each period since; as it was where that is better.

        As released, a period's training also sees the validation part of the one before.
        """
        if t < self.first:
            return self.full(self.first - 1)
        before = self.tuned(t - 1, proximal)

        def train() -> Weights:
            own, validation = self.periods[t], self.periods[t].validation
            self.method.begin(self.catalogue, self.seed)
            questions = self.periods[t - 1].validation.and_(own.train)
            trained_on(self.method, before, questions, validation, self._context(), proximal)
            return self.method.weights()

        return self._kept(f"{'peso' if proximal else 'tuned'}-{t}", train)

    def _fresh(self, name: str, train: Questions, t: int, seed: int) -> Weights:
        def learn() -> Weights:
            self.method.begin(self.catalogue, self.seed + seed)
            self.method.learn(train, self.periods[t].validation, self._context(seed))
            return self.method.weights()

        return self._kept(name, learn)

    def _context(self, seed: int = 0) -> FitContext:
        return FitContext(self.seed + seed, progress=self.progress)

    def _kept(self, name: str, train: Any) -> Weights:
        path = self.folder / f"{name}.safetensors"
        record = path.with_suffix(".json")
        if not path.exists():
            start = time.perf_counter()
            weights = train()
            write_json(record, {"seconds": time.perf_counter() - start})
            with replacing(path) as staged:
                save_file({key: value.contiguous() for key, value in weights.items()}, staged)
        self.seconds[name] = json.loads(record.read_text())["seconds"]
        return load_file(path)

    def _answers(self, weights: Weights, questions: Questions) -> Answers:
        self.method.begin(self.catalogue, self.seed)
        self.method.take(weights)
        return self.method.predict(questions)

    def _mixed(
        self, strategy: str, t: int, long: Weights, short: Weights, questions: Questions
    ) -> Answers:
        validation = self.periods[t].validation
        self.method.begin(self.catalogue, self.seed)
        share, _ = best_share(self.method, long, short, validation, "outputs")
        self.shares.setdefault(strategy, {})[t] = share
        both = [self._answers(weights, questions) for weights in (long, short)]
        return mixed(both[0], both[1], share)

    def _merged(
        self,
        strategy: str,
        merge: Merge,
        t: int,
        long: Weights,
        short: Weights,
        questions: Questions,
    ) -> Answers:
        self.method.begin(self.catalogue, self.seed)
        share, _ = best_share(self.method, long, short, self.periods[t].validation, merge)
        self.shares.setdefault(strategy, {})[t] = share
        return self._answers(joined(long, short, share, merge), questions)

    def training_seconds(self, strategy: str, t: int) -> float:
        """What the models that this strategy trains after period *t* took."""
        names = {
            "full": [f"full-{t}"],
            "fine-tune": [f"tuned-{t}"],
            "short-term": [f"short-{t}"],
            "long-term": [],
            "lsat-en": [f"short-{t}"],
            "lsat-ta": [f"short-{t}"],
            "lsat-ta-exact": [f"short-{t}"],
            "lsat-en-full": [f"full-{t}", f"short-{t}"],
            "peso": [f"peso-{t}"],
            "two-full": [f"full-{t}", f"full-{t}-seed{OTHER_SEED}"],
            "two-long": [],
        }[strategy]
        return sum(self.seconds.get(name, 0.0) for name in names)
