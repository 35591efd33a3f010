"""What people call genres, and what catalogues call them.

Nouns and what has no degrees ("animated", "for kids") say what an item has to be; words with
degrees ("funny", "scarier") what it may be more or less. A word counts only where the catalogue
has one of the genres it stands for.
"""

from __future__ import annotations

NAMES: dict[str, tuple[str, ...]] = {
    "animation": ("animation", "animated", "anime", "cartoon", "cartoons"),
    "children": ("childrens", "children", "kids", "family", "children and family"),
    "comedy": ("comedy", "humor", "humour"),
    "crime": ("crime",),
    "documentary": ("documentary",),
    "drama": ("drama",),
    "fantasy": ("fantasy",),
    "horror": ("horror",),
    "musical": ("musical", "musicals"),
    "mystery": ("mystery", "mysteries"),
    "noir": ("film noir", "noir"),
    "romance": ("romance", "romantic"),
    "science fiction": ("sci fi", "science fiction", "scifi"),
    "thriller": ("thriller", "suspense"),
    "war": ("war",),
    "western": ("western",),
    "action": ("action",),
    "adventure": ("adventure",),
}
"""Names, folded, under which catalogues list a genre."""

FIRM: dict[str, tuple[str, ...]] = {
    "animation": ("animated", "animation", "cartoon", "cartoons"),
    "children": ("kids", "kid", "children", "child", "childrens", "family", "families"),
    "comedy": ("comedy", "comedies"),
    "documentary": ("documentary", "documentaries", "doc", "docs"),
    "musical": ("musical", "musicals"),
    "mystery": ("mystery", "mysteries", "whodunit", "whodunits", "whodunnit"),
    "noir": ("noir", "film noir", "films noirs"),
    "romance": ("romance", "romances", "love story", "love stories"),
    "science fiction": ("sci fi", "scifi", "science fiction", "sf"),
    "thriller": ("thriller", "thrillers", "suspense"),
    "western": ("western", "westerns", "cowboy film", "cowboy films", "cowboy movie"),
}
"""Words for what an item has to be, beside the catalogue's own."""

GRADED: dict[str, tuple[str, ...]] = {
    "action": ("action packed",),
    "adventure": ("adventurous",),
    "comedy": (
        "funny", "funnier", "funniest", "comic", "comical", "hilarious", "humorous", "amusing",
        "lighthearted", "light hearted", "laugh", "laughs", "humor", "humour",
    ),
    "crime": ("gangster", "gangsters", "mafia", "heist"),
    "drama": (
        "sad", "sadder", "saddest", "dramatic", "tragic", "serious", "tear jerker", "tearjerker",
    ),
    "fantasy": ("magical", "fairytale", "fairy tale"),
    "horror": (
        "scary", "scarier", "scariest", "frightening", "creepy", "creepier", "spooky",
        "spookier", "terrifying",
    ),
    "mystery": ("mysterious",),
    "romance": ("romantic",),
    "science fiction": ("futuristic",),
    "thriller": ("thrilling", "tense", "tenser", "suspenseful", "gripping"),
}  # fmt: skip
"""Words for what an item may be more or less."""

BOTH: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("romcom", "romcoms", "rom com", "rom coms"), ("romance", "comedy")
)
"""Words for two genres at once; whoever refuses them refuses the first."""

GENRE_WORDS = frozenset(
    word for table in (NAMES, FIRM, GRADED) for said in table.values() for word in said
)
"""All of these words, whatever a catalogue lists."""

UNTOLD = frozenset({"", "unknown", "no genres listed", "none", "n a", "other", "others"})
"""What catalogues write, folded, where the genre is not known."""


UNCOUNTED = frozenset({"action", "crime", "war"})
"""Genres of which nobody names several."""


def plurals(name: str) -> tuple[str, ...]:
    """A folded name and its plural and singular, its last word changed.

    Example:
        >>> plurals("comedy"), plurals("thrillers")
        (('comedy', 'comedies'), ('thrillers', 'thriller'))
    """
    if name in UNCOUNTED:
        return (name,)
    if name.endswith("ies") and len(name) > 4:
        return name, name[:-3] + "y"
    if name.endswith("s") and not name.endswith("ss"):
        return name, name[:-1]
    if name.endswith("y") and name[-2:-1] not in ("a", "e", "o", "u"):
        return name, name[:-1] + "ies"
    if name.endswith(("s", "x", "ch", "sh")):
        return name, name + "es"
    return name, name + "s"
