"""Trees that a language model writes: from two examples and no papers, or as STORM's outline.

ResearchArena's "Few-shot" shows two topics with their trees, one of them the survey of language
models for recommendation; a system that is judged on that survey must not be shown it, so another
example stands in its place. Its "STORM" takes the headings of the outline that STORM writes:
drafted from the title, then refined with what was found (Kang and Xiong, arXiv:2406.10291,
section 5.3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field

from palate.config import Config
from palate.research.agents.cartographer import clean_heading
from palate.research.baselines.queries import one_line
from palate.research.desk import Brief, Desk
from palate.research.trees import Tree
from palate.search.asking import fenced

FEW_SHOT = "Topic: {title}\nTypology:"
FEW_SHOT_SHOWN = [
    ("Topic: Lidar Scanning in Autonomous Driving\nTypology:",
     "- Scanning mechanisms\n  - Mechanical spinning\n  - Solid state\n    - MEMS mirrors\n"
     "    - Optical phased arrays\n- Ranging methods\n  - Time of flight\n"
     "  - Frequency modulation\n- Applications\n  - Mapping\n  - Object detection"),
    ("Topic: Learning to Read in a Second Language\nTypology:",
     "- Learners\n  - Age of first contact\n  - First language\n- Skills\n  - Vocabulary\n"
     "  - Phonological awareness\n- Teaching\n  - Phonics\n  - Extensive reading\n- Assessment"),
]  # fmt: skip
OUTLINE = "Topic: {title}\nPapers:\n{papers}\nOutline of a survey:"
OUTLINE_SHOWN = [
    ("Topic: Perception for Self-Driving Cars\nPapers:\n- Multi-View 3D Object Detection Network\n"
     "- Radar in Bad Weather\n- Seeing Through Fog Without Seeing Fog\nOutline of a survey:",
     "# Sensors\n## Lidar\n## Radar\n# Object detection\n## From images\n## From point clouds\n"
     "# Bad weather\n## Fog\n## Rain"),
]  # fmt: skip
MARK = re.compile(r"^(\s*)(#{1,6}|[-*•]|\d+(?:\.\d+)*[.)]?)\s+(.*)$")
DEEPEST = 6


class FewShotConfig(Config):
    """Settings of a tree from memory."""

    max_tokens: int = Field(300, ge=20)
    """Most tokens of the tree."""


class FewShot:
    """A tree from the title alone: what the model remembers of the field."""

    Config = FewShotConfig

    def __init__(self, config: FewShotConfig | None = None, name: str = "few-shot") -> None:
        self.config, self.name = config or FewShotConfig(), name

    def organize(self, desk: Desk, brief: Brief, papers: Sequence[str]) -> Tree:
        """A tree without papers."""

        def write() -> tuple[str, str]:
            prompt = FEW_SHOT.format(title=one_line(brief.title))
            text = desk.write(prompt, self.config.max_tokens, FEW_SHOT_SHOWN)
            return text, f"the model wrote {len(text.splitlines())} lines"

        text = desk.step(f"few-shot tree {self.config.max_tokens}: {brief.title}", write)
        return outline(text, brief.title)


class OutlineConfig(Config):
    """Settings of an outline."""

    max_tokens: int = Field(200, ge=20)
    """Most tokens of the outline."""
    shown: int = Field(12, ge=1)
    """Titles of papers that the model is shown, taken evenly from the list."""


class Outline:
    """STORM's outline as a tree: headings that are written with the papers' titles in view."""

    Config = OutlineConfig

    def __init__(self, config: OutlineConfig | None = None, name: str = "outline") -> None:
        self.config, self.name = config or OutlineConfig(), name

    def organize(self, desk: Desk, brief: Brief, papers: Sequence[str]) -> Tree:
        """The outline, with each paper at the heading that its text is closest to."""
        step = max(1, len(papers) // self.config.shown)
        shown = [desk.allowed.title(paper) for paper in papers[::step]][: self.config.shown]

        def write() -> tuple[str, str]:
            listed = "\n".join(f"- {one_line(title)}" for title in shown)
            prompt = OUTLINE.format(title=one_line(brief.title), papers=fenced(listed))
            text = desk.write(prompt, self.config.max_tokens, OUTLINE_SHOWN)
            return text, f"the model wrote {len(text.splitlines())} lines"

        text = desk.step(f"outline {self.config.max_tokens}: {brief.title} {shown}", write)
        return placed(desk, outline(text, brief.title), papers)


def outline(text: str, topic: str) -> Tree:
    """The tree of a list with indents, or of headings with hashes; lines without marks are left
    out, and so are headings that stand there already."""
    root: tuple[str, list] = (topic, [])
    above: list[tuple[int, tuple[str, list]]] = [(-1, root)]
    seen = {topic.casefold()}
    for line in text.splitlines():
        found = MARK.match(line)
        if found is None:
            continue
        indent, mark, rest = found.groups()
        label = clean_heading(rest)
        if not label or label.casefold() in seen:
            continue
        seen.add(label.casefold())
        level = len(mark) if mark.startswith("#") else len(indent) + 2 * mark.strip(".").count(".")
        while above[-1][0] >= level and len(above) > 1:
            above.pop()
        if len(above) > DEEPEST:
            continue
        node: tuple[str, list] = (label, [])
        above[-1][1][1].append(node)
        above.append((level, node))

    def tree(node: tuple[str, list]) -> Tree:
        return Tree(node[0], tuple(tree(child) for child in node[1]))

    return tree(root)


def placed(desk: Desk, tree: Tree, papers: Sequence[str]) -> Tree:
    """The tree with each paper at the node whose label, with those above it, is closest."""
    if desk.embed is None or not papers or tree.size == 1:
        return tree
    nodes = [path for _, path in tree.walk()][1:]
    vectors, labels = desk.vectors_with(papers, [" ".join(path[1:]) for path in nodes])
    best = (vectors @ labels.T).argmax(axis=1)
    at: dict[tuple[str, ...], list[str]] = {}
    for paper, place in zip(papers, best, strict=True):
        at.setdefault(nodes[place], []).append(paper)

    def fill(node: Tree, path: tuple[str, ...]) -> Tree:
        children = tuple(fill(child, (*path, child.label)) for child in node.children)
        return Tree(node.label, children, tuple(at.get(path, ())))

    return fill(tree, (tree.label,))
