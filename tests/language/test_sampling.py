"""Drawing text: greedy where one token is all there is, and in the model's own proportions."""

from __future__ import annotations

import pytest
import torch

from palate.errors import ConfigError
from palate.language.backbone import Backbone
from palate.language.beam_search import BeamSettings
from palate.language.collate import collate, encode
from palate.language.generation import generate, sample
from palate.language.prompts import Prompt
from palate.language.sampling import SampleSettings

PROMPTS = [
    Prompt.of("Someone has seen these films: Babe; Seven. Next:"),
    Prompt.of("Someone has seen these films: M. Next:"),
    Prompt.of("Amélie"),
]


def test_of_one_token_the_likeliest_is_drawn(backbone: Backbone) -> None:
    greedy = BeamSettings(beams=1, max_tokens=6, early_stopping=True)
    expected = [best.tokens for best, *_ in generate(backbone, PROMPTS, greedy)]
    drawn = sample(backbone, PROMPTS, SampleSettings(6, 1.0, 1), [1, 2, 3])
    assert drawn == expected


def test_a_prompt_does_not_depend_on_its_neighbours(backbone: Backbone) -> None:
    settings = SampleSettings(6, 1.0, 20)
    together = sample(backbone, PROMPTS, settings, [5, 6, 7])
    alone = [
        sample(backbone, [one], settings, [seed])[0]
        for one, seed in zip(PROMPTS, (5, 6, 7), strict=True)
    ]
    assert together == alone


def test_tokens_are_drawn_as_often_as_the_model_says(gpt2: Backbone) -> None:
    count = 3000
    drawn = sample(gpt2, PROMPTS[:1] * count, SampleSettings(1, 0.8), list(range(count)))
    batch = collate(encode(PROMPTS[:1], gpt2.tokenizer), gpt2.tokenizer.pad_id)
    with torch.no_grad():
        scores = gpt2.model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    expected = (scores[0, -1] / 0.8).softmax(0)
    counted = torch.bincount(torch.tensor([one[0] for one in drawn]), minlength=len(expected))
    assert float((counted / count - expected).abs().max()) < 0.03
    likely = expected.topk(5).indices
    assert counted[likely] / count == pytest.approx(expected[likely], abs=0.03)


def test_settings_that_draw_nothing_are_refused(gpt2: Backbone) -> None:
    for settings in (SampleSettings(4, 0.0), SampleSettings(0), SampleSettings(4, 1.0, -1)):
        with pytest.raises(ConfigError, match="sampling needs"):
            sample(gpt2, PROMPTS[:1], settings, [0])
