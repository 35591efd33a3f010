"""Which methods there are, and how their settings are read.

Methods are named by where they live and imported when asked for, so that listing them is
instant. A package adds its own by an entry point of the group ``palate.recommenders`` whose
value is ``module:Class``; a method of the house keeps its name if both use it.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal

from palate.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from palate.recommenders.base import Config

Kind = Literal["items", "medication"]
"""What a method recommends; each kind has names of its own."""
KINDS: tuple[Kind, ...] = ("items", "medication")
LISTS = ("tuple_type", "list_type")  # what pydantic says where a list is wanted
GROUP = "palate.recommenders"
GROUPS: dict[Kind, str] = {"items": GROUP, "medication": "palate.medication"}
BASES: dict[Kind, str] = {
    "items": "palate.recommenders.base:Recommender",
    "medication": "palate.recommenders.medication.base:MedicationRecommender",
}
PURPOSE: dict[Kind, str] = {
    "items": "ranks the items of a catalogue (--data ml-100k)",
    "medication": "recommends medications from visits (--data synthetic, or a hospital's folder)",
}


@dataclass(frozen=True)
class Method:
    """One line of the list of methods.

    Attributes:
        name: what people type.
        summary: what it does, in one line.
        source: ``palate``, or the package that brings it.
        target: ``module:Class``.
    """

    name: str
    summary: str
    source: str
    target: str


def _ours(name: str, summary: str, target: str) -> Method:
    return Method(name, summary, "palate", f"palate.recommenders.{target}")


BUILT_IN = (
    _ours("popularity", "the most popular items, the same for everyone", "popularity:Popularity"),
    _ours("itemknn", "items that the same people touched", "itemknn:ItemKNN"),
    _ours("ease", "linear item-to-item autoencoder in closed form", "ease:EASE"),
    _ours("slit", "linear map from what came last to what comes next, in closed form", "slit:SLIT"),
    _ours(
        "slist",
        "linear map of what goes together and what comes next, in closed form",
        "slist:SLIST",
    ),
    _ours("als", "matrix factorisation of implicit feedback by least squares", "als:ALS"),
    _ours("bpr", "matrix factorisation trained to rank pairs of items", "bpr:BPR"),
    _ours("fm", "factorization machine over a history, its last item and a candidate", "fm:FM"),
    _ours(
        "deepfm", "factorization machine beside a network over the same vectors", "deepfm:DeepFM"
    ),
    _ours("lightgcn", "vectors spread over the graph of who touched what", "lightgcn:LightGCN"),
    _ours("gru4rec", "recurrent network over the sequence of items", "gru4rec:GRU4Rec"),
    _ours("caser", "convolutions over the last few items", "caser:Caser"),
    _ours("sasrec", "causal self-attention over the sequence of items", "sasrec:SASRec"),
    _ours(
        "lite-llm4rec",
        "two language models and a projection head, no decoding",
        "lite_llm4rec:LiteLLM4Rec",
    ),
    _ours(
        "unisrec",
        "sequences of items' texts, which several domains can teach it to read",
        "unisrec:UniSRec",
    ),
    _ours(
        "recformer",
        "a language model reads items as their attributes, a history as its items",
        "recformer:Recformer",
    ),
    _ours(
        "bigrec",
        "a language model writes a title, the nearest items are recommended",
        "bigrec:BIGRec",
    ),
    _ours("fusion", "several methods, weighed by what validation users took next", "fusion:Fusion"),
    _ours(
        "llara",
        "titles with projected behaviour vectors, learned on a curriculum",
        "llara:LLaRA",
    ),
    _ours(
        "ilm",
        "query tokens from a behaviour vector in front of a frozen language model",
        "ilm:ILM",
    ),
    _ours("tallrec", "a language model says whether someone will like an item", "tallrec:TALLRec"),
    _ours(
        "sasrec-likes",
        "SASRec that says whether someone will like an item",
        "sasrec_likes:SASRecLikes",
    ),
    _ours("lsat", "a long-term and a short-term model of one kind, mixed", "lsat:LSAT"),
)


def methods(kind: Kind = "items") -> list[Method]:
    """All methods: those of the house in reading order, then those of other packages by name."""
    known = {method.name: method for method in built_in(kind)}
    for point in sorted(entry_points(group=GROUPS[kind]), key=lambda point: point.name):
        known.setdefault(point.name, _of_entry_point(point))
    return list(known.values())


def built_in(kind: Kind) -> tuple[Method, ...]:
    """The methods of the house."""
    if kind == "items":
        return BUILT_IN
    from palate.recommenders.medication import registry

    return registry.BUILT_IN


def get(name: str, kind: Kind = "items") -> type[Any]:
    """The recommender class of that name.

    Raises:
        ConfigError: no method has that name, or it cannot be imported.
    """
    known = {method.name: method for method in methods(kind)}
    if name not in known:
        others = [one for one in KINDS if one != kind and name in {m.name for m in methods(one)}]
        if others:
            raise ConfigError(f"'{name}' is a method for other data: it {PURPOSE[others[0]]}")
        raise ConfigError(f"no method is called '{name}'; {_nearest(name, list(known))}")
    return _import(known[name], BASES[kind])


def pretraining(name: str) -> type[Config]:
    """The settings of a method's pre-training.

    Raises:
        ConfigError: no method has that name, or it cannot be pre-trained.
    """
    found: type[Config] | None = getattr(get(name), "Pretraining", None)
    if found is None:
        can = [m.name for m in methods() if hasattr(get(m.name), "Pretraining")]
        raise ConfigError(f"{name} cannot be pre-trained; {' and '.join(can)} can")
    return found


def configure(
    name: str,
    settings: Mapping[str, Any],
    config: type[Config] | None = None,
    kind: Kind = "items",
) -> Config:
    """The typed config of a method from ``key=value`` settings.

    Values may be strings as typed by a person: they become the type of their field, and YAML is
    read where a field holds a list (``[a, b]`` or ``a,b``), a mapping or nothing (``null``). A dot
    reaches into a nested config: ``training.epochs``.

    Args:
        config: the class of the config; by default the method's ``Config``.

    Raises:
        ConfigError: a key is unknown, or a value is out of range.
    """
    from pydantic import ValidationError

    config = config or get(name, kind).Config
    values = _nested(name, settings)
    try:
        try:
            return config.model_validate(values)
        except ValidationError as error:
            return config.model_validate(_read_yaml(values, error))
    except ValidationError as error:
        problems = "; ".join(_explain(config, one) for one in error.errors())
        raise ConfigError(f"{name}: {problems}") from None


def _of_entry_point(point: EntryPoint) -> Method:
    summary = point.dist.metadata.json.get("summary", "") if point.dist else ""
    return Method(point.name, str(summary), point.dist.name if point.dist else "", point.value)


def _import(method: Method, base: str) -> type[Any]:
    module, _, attribute = method.target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"method '{method.name}' of '{method.source}' cannot be imported: {error}"
        ) from error
    home, _, name = base.partition(":")
    if not (inspect.isclass(found) and issubclass(found, getattr(import_module(home), name))):
        raise ConfigError(f"method '{method.name}': {method.target} is not a {name} class")
    return found


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"


def _nested(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """``{"training.epochs": 3}`` as ``{"training": {"epochs": 3}}``."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        *path, last = key.split(".")
        place = values
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ConfigError(f"{name}: {key}: '{part}' is set as a whole already")
        if last in place:
            raise ConfigError(f"{name}: '{key}' is set twice")
        place[last] = _copy(value) if isinstance(value, dict) else value
    return values


def _read_yaml(values: dict[str, Any], error: ValidationError) -> dict[str, Any]:
    """The values, with each string that *error* complains about read as YAML, or as a list."""
    import yaml

    values = _copy(values)
    for problem in error.errors():
        place, key = values, None
        for key in problem["loc"]:
            if not isinstance(place, dict) or not isinstance(place.get(str(key)), dict | str):
                break
            if isinstance(text := place[str(key)], str):
                if problem["type"] in LISTS and not text.startswith("["):
                    text = f"[{text}]"  # as people write lists: a, b
                with suppress(yaml.YAMLError):  # the error about the string itself says more
                    place[str(key)] = yaml.safe_load(text)
                break
            place = place[str(key)]
    return values


def _copy(values: dict[str, Any]) -> dict[str, Any]:
    return {k: _copy(v) if isinstance(v, dict) else v for k, v in values.items()}


def _explain(config: type[BaseModel], problem: Any) -> str:
    """One pydantic complaint, in the words of a person who typed ``key=value``."""
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"no setting is called '{key}'; {_nearest(key, list(_keys(config)))}"
    message = problem["msg"].removeprefix("Value error, ")
    if not key:
        return message
    given = "" if problem["type"] == "missing" else f"={problem['input']}"
    return f"{key}{given}: {message[0].lower()}{message[1:]}"


def _keys(config: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """All keys of a config, nested ones with dots."""
    from pydantic import BaseModel

    for key, entry in config.model_fields.items():
        inner = entry.annotation
        if inspect.isclass(inner) and issubclass(inner, BaseModel):
            yield from _keys(inner, f"{prefix}{key}.")
        else:
            yield prefix + key
