"""Settings of methods as people type them: ``--width 128`` and ``--set sasrec.width=128``."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from palate.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from palate.config import Config
    from palate.recommenders.registry import Kind


def fields(config: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting with its key; a setting of a nested config has a dot in its key."""
    from pydantic import BaseModel

    for name, field in config.model_fields.items():
        inner = field.annotation
        if inspect.isclass(inner) and issubclass(inner, BaseModel):
            yield from fields(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def flag(key: str) -> str:
    """``learning_rate`` as it is typed: ``--learning-rate``."""
    return "--" + key.replace("_", "-")


def parse(
    method: str,
    typed: Sequence[str],
    options: Sequence[str],
    config: type[Config] | None = None,
    command: str = "train",
) -> dict[str, Any]:
    """The settings in the words that are left when the command's own options are taken out.

    ``--key value``, ``--key=value``, and for yes-or-no settings ``--key`` and ``--no-key``.

    Args:
        method: whose settings they are.
        typed: what is left.
        options: the command's own options, to offer in a hint.
        config: what the settings are of; by default the method's ``Config``.
        command: whose help lists them.

    Raises:
        ConfigError: a word that is no setting, a setting without value, or given twice.
    """
    from palate.recommenders import registry

    known = dict(fields(config or registry.get(method).Config))
    settings: dict[str, Any] = {}
    words = list(typed)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise ConfigError(f"'{word}' is left over: settings are typed as --name value")
        name, equals, value = word[2:].partition("=")
        key = name.replace("-", "_")
        if key not in known and key.startswith("no_") and _is_bool(known.get(key[3:])):
            key, value, equals = key[3:], "false", "="
        if key not in known:
            raise _unknown(method, name, list(known), options, command)
        if not equals:
            if words and not words[0].startswith("--"):
                value = words.pop(0)
            elif _is_bool(known[key]):
                value = "true"
            else:
                raise ConfigError(f"--{name} needs a value: --{name} {known[key].default}")
        if key in settings:
            raise ConfigError(f"--{name} is given twice")
        settings[key] = value
    registry.configure(method, settings, config)
    return settings


def parse_sets(
    labels: Sequence[str], typed: Sequence[str], kind: Kind = "items"
) -> dict[str, dict[str, Any]]:
    """``label.key=value`` words as the settings of each line of a comparison.

    Args:
        labels: ``method`` or ``method@variant``.
        kind: of the methods.

    Raises:
        ConfigError: a word of another shape, or a label that is not compared.
    """
    from palate.recommenders import registry

    settings = split_sets(labels, typed)
    for label in labels:
        registry.configure(label.partition("@")[0], settings.get(label, {}), kind=kind)
    return settings


def split_sets(labels: Sequence[str], typed: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``label.key=value`` words by label, not yet checked."""
    settings: dict[str, dict[str, Any]] = {}
    for word in typed:
        left, equals, value = word.partition("=")
        label, dot, key = left.partition(".")
        if not (equals and dot and key):
            raise ConfigError(f"--set {word}: write it as method.setting=value (sasrec.width=128)")
        if label not in labels:
            raise ConfigError(
                f"--set {word}: '{label}' is not compared here; {', '.join(labels)} are"
            )
        settings.setdefault(label, {})[key.replace("-", "_")] = value
    return settings


def help_rows(config: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """One row per setting: what to type, which values, the default, what it means.

    A method's own settings stand before those that it shares with others.
    """
    rows = []
    classes = list(config.__mro__)
    for key, field in sorted(fields(config), key=lambda row: _depth(classes, row[0])):
        meaning = " ".join((field.description or "").split())
        rows.append((flag(key), _values(field), _default(field), meaning))
    return rows


def _depth(classes: Sequence[type], key: str) -> int:
    """How far up the inheritance a setting is declared: 0 in the method's own config."""
    name = key.partition(".")[0]
    return next(i for i, one in enumerate(classes) if name in inspect.get_annotations(one))


def _is_bool(field: FieldInfo | None) -> bool:
    return field is not None and field.annotation is bool


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values(field: FieldInfo) -> str:
    """The values a setting may have, in short: ``a|b``, ``int ≥ 1``, ``float ≥ 0 and < 1``."""
    limits = [
        f"{sign} {getattr(one, name):g}"
        for one in field.metadata
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if getattr(one, name, None) is not None
    ]
    return f"{_kind(field.annotation)} {' and '.join(limits)}".strip()


def _kind(annotation: Any) -> str:
    """A type in the words of a person: ``yes|no``, ``a|b``, ``list of str``, ``int|null``."""
    parts = [part for part in get_args(annotation) if part is not Ellipsis]
    if get_origin(annotation) is Literal:
        return "|".join(map(str, parts))
    if get_origin(annotation) in (list, tuple):
        return f"list of {'|'.join(dict.fromkeys(map(_kind, parts)))}"
    if get_origin(annotation) is dict:
        return "{key: value}"
    if parts:
        return "|".join(map(_kind, parts))
    words = {bool: "yes|no", type(None): "null"}
    return words.get(annotation, str(getattr(annotation, "__name__", annotation)))


def _unknown(
    method: str, name: str, keys: list[str], options: Sequence[str], command: str
) -> ConfigError:
    candidates = [flag(key)[2:] for key in keys] + [option.lstrip("-") for option in options]
    near = difflib.get_close_matches(name.replace("_", "-"), candidates, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join('--' + one for one in near)}?" if near else ""
    see = f"'palate {command} {method} --help' lists all settings."
    return ConfigError(f"{method} has no setting --{name}; {hint + ' ' if hint else ''}{see}")
