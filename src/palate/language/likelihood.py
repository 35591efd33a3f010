"""Log-probabilities of given answers, in one pass over prompts that were read once.

Answers that begin alike share their beginning: each prompt's answers are a tree, and every node
of it is read once.

Legend: b prompts, n nodes to read, a answers, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from palate.language.prompt_cache import PromptCache
from palate.language.trie import Trie


def answer_log_probs(cache: PromptCache, answers: Sequence[Trie]) -> list[torch.Tensor]:
    """[a] log-probability of each answer of each prompt, on the CPU; the cache is left as it was.

    Args:
        answers: the tree of each prompt's answers.
    """
    device = cache.logits.device
    # Nodes but the root, which the prompt's last token stands for, and the leaves, after which
    # nothing is asked.
    inner = [trie.inner() for trie in answers]
    n = max(map(len, inner))
    ids = torch.zeros(len(answers), n, dtype=torch.long)
    depths = torch.zeros(len(answers), n, dtype=torch.long)
    sees = torch.eye(n, dtype=torch.bool).repeat(len(answers), 1, 1)
    for row, (trie, nodes) in enumerate(zip(answers, inner, strict=True)):
        ids[row, : len(nodes)] = trie.tokens[nodes - 1]
        depths[row, : len(nodes)] = trie.depths()[nodes] - 1
        sees[row, : len(nodes), : len(nodes)] = trie.ancestors(nodes)
    before = cache.tried
    earlier = torch.zeros(len(answers), n, before, dtype=torch.bool)
    following = cache.logits[:, None]
    if n:
        sees = torch.cat([earlier, sees], 2).to(device)
        extended = cache.extend(ids.to(device), depths.to(device), sees)
        cache.forget(before)
        following = torch.cat([following, extended], 1)
    norms = following.logsumexp(-1).cpu()  # [b, n + 1]
    found = []
    for row, (trie, nodes) in enumerate(zip(answers, inner, strict=True)):
        place = torch.zeros(trie.size, dtype=torch.long)
        place[nodes] = torch.arange(1, len(nodes) + 1)
        at = place[trie.parents[1:]]  # [e] where each edge's token is foretold
        steps = following[row, at.to(device), trie.tokens.to(device)].cpu() - norms[row, at]
        found.append(trie.path_sums(steps)[trie.leaves])
    return found
