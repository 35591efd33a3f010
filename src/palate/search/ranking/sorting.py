"""Sorts whose comparisons are questions to a language model.

Each is a procedure of :mod:`palate.search.asking`. Only the head of the order is settled; what
follows it keeps the order it had. After Qin et al., "Large Language Models are Effective Text
Rankers with Pairwise Ranking Prompting", NAACL Findings 2024 (arXiv:2306.17563), and Zhuang et al.,
"A Setwise Approach for Effective and Highly Efficient Zero-shot Ranking", SIGIR 2024
(arXiv:2310.09497).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from palate.search.asking import Steps

Best = Callable[[Sequence[int]], Steps[int]]
"""Of some positions, the one that is best; the lowest of them where it cannot be told."""


def heap_top(n: int, k: int, children: int, best: Best) -> Steps[list[int]]:
    """The order of *n* with its *k* best settled, by a heap of so many children per node."""
    heap = list(range(n))

    def sift(at: int, size: int) -> Steps[None]:
        while True:
            first = at * children + 1
            below = list(range(first, min(first + children, size)))
            if not below:
                return
            winner = yield from best([heap[place] for place in (at, *below)])
            if winner == heap[at]:
                return
            place = next(place for place in below if heap[place] == winner)
            heap[at], heap[place] = heap[place], heap[at]
            at = place

    for at in range((n - 2) // children, -1, -1):
        yield from sift(at, n)
    top: list[int] = []
    for size in range(n, max(n - k, 0), -1):
        top.append(heap[0])
        heap[0] = heap[size - 1]
        yield from sift(0, size - 1)
    return top + sorted(set(range(n)) - set(top))


def bubble(n: int, k: int, best: Best) -> Steps[list[int]]:
    """The order of *n* after *k* passes of neighbours, from the end to the front."""
    order = list(range(n))
    for settled in range(min(k, n - 1)):
        changed = False
        for place in range(n - 2, settled - 1, -1):
            ahead, behind = order[place], order[place + 1]
            if (yield from best([ahead, behind])) == behind:
                order[place], order[place + 1] = behind, ahead
                changed = True
        if not changed:
            break
    return order
