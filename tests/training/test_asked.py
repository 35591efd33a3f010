"""Windows in which some events only are learned, likes in windows, and training held near."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from palate.data.cases import Histories
from palate.data.questions import Questions
from palate.training.liked_windows import LikedWindows, liked_windows
from palate.training.next_item import IGNORED, AskedWindows, asked_positions
from palate.training.parameters import trained_tensors
from palate.training.proximal import Near, ProximalNet

PAD = 99


@st.composite
def asked(draw: st.DrawFn) -> tuple[Histories, np.ndarray, int]:
    """Sequences, some of their places, and a length."""
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=5))
    total = sum(lengths)
    items = iter(range(total))  # each item once, so that an item tells its place
    sequences = Histories.of([[next(items) for _ in range(n)] for n in lengths])
    places = draw(st.lists(st.integers(0, total - 1), min_size=1, max_size=total, unique=True))
    return sequences, np.array(places), draw(st.integers(1, 6))


@given(asked())
def test_every_asked_event_is_a_label_once_after_what_came_before_it(
    made: tuple[Histories, np.ndarray, int],
) -> None:
    sequences, places, length = made
    windows = AskedWindows(sequences, places, length)
    rows = sequences.rows()
    labelled: list[int] = []
    for number in range(len(windows)):
        batch = asked_positions(PAD)([windows[number]])
        inputs, labels = batch["items"][0], batch["labels"][0]
        assert len(inputs) <= length
        for before, label in zip(inputs.tolist(), labels.tolist(), strict=True):
            if label != IGNORED:
                assert before == label - 1
                assert rows[before] == rows[label]
                labelled.append(label)
        assert windows.lengths[number] == (labels != IGNORED).sum()
    can = places[places > sequences.offsets[rows[places]]]
    assert sorted(labelled) == sorted(can.tolist())


@given(asked(), st.integers(0, 3))
def test_questions_keep_their_place_in_a_batch(
    made: tuple[Histories, np.ndarray, int], seed: int
) -> None:
    sequences, places, length = made
    random = np.random.default_rng(seed)
    flags = random.random(len(sequences.items)) < 0.5
    whole = Histories(sequences.items, sequences.offsets, liked=flags)
    drawn = random.integers(0, 50, len(places))
    questions = Questions.about(whole, places).and_(
        Questions(whole, places, drawn, np.zeros(len(places), dtype=bool))
    )
    windows = LikedWindows(questions, length)
    if not len(windows):
        return
    batch = liked_windows(PAD)([windows[number] for number in range(len(windows))])
    before = batch["items"].flatten()[batch["where"]]
    told = batch["liked"].flatten()[batch["where"]]
    found = {
        (place + 1, item, answer)
        for place, item, answer in zip(
            before.tolist(), batch["asked"].tolist(), batch["labels"].tolist(), strict=True
        )
    }
    rows = whole.rows()
    wanted = {
        (place, item, int(answer))
        for place, item, answer in zip(
            questions.places.tolist(), questions.items.tolist(), questions.liked, strict=True
        )
        if place > whole.offsets[rows[place]]
    }
    assert found == wanted
    assert told.tolist() == flags[before.numpy()].astype(int).tolist()
    assert len(batch["labels"]) == windows.lengths.sum()


class Line(nn.Module):
    """A straight line through nothing, for a loss that pulls its weights to one."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 0.0]]))

    def forward(self, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self.weight - labels).square().sum()}


@pytest.mark.parametrize("distance", ["kl", "l2"])
def test_a_distance_is_none_where_nothing_moved_and_grows(distance: str) -> None:
    line = Line()
    net = ProximalNet(line, Near(trained_tensors(line), 2.0, distance))  # type: ignore[arg-type]
    assert float(net.distance().detach()) == pytest.approx(0, abs=1e-7)
    target = torch.zeros(2, 2)
    assert float(net(labels=target)["loss"].detach()) == pytest.approx(14)
    with torch.no_grad():
        line.weight[0, 0] += 0.5
    near = float(net.distance().detach())
    with torch.no_grad():
        line.weight[0, 0] += 0.5
    assert 0 < near < float(net.distance().detach())


def test_the_divergence_is_that_of_softmaxes() -> None:
    line = Line()
    before = trained_tensors(line)
    with torch.no_grad():
        line.weight[0, 0] += 0.5
    p, q = (t.flatten().double().softmax(0) for t in (before["weight"], line.weight.detach()))
    wanted = float((p * (p / q).log()).sum())
    found = float(ProximalNet(line, Near(before)).distance().detach())
    assert found == pytest.approx(wanted, rel=1e-4)
