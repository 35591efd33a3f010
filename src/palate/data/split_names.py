"""The names of splits, with what they take after a colon: ``few-shot:64``, ``cold-items:0.1``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from palate.errors import ConfigError

FORMS = {
    "leave-one-out": "leave-one-out",
    "user-holdout": "user-holdout",
    "temporal": "temporal",
    "few-shot": "few-shot:N",
    "cross-domain": "cross-domain:SOURCE>TARGET",
    "cold-items": "cold-items:SHARE",
    "cold-users": "cold-users:K",
}
UPDATE = "update"  # of the newest update's events; nobody types it, `palate update` does
SHARE, K = 0.1, 3  # of cold-items and cold-users, where nothing is said


@dataclass(frozen=True)
class SplitName:
    """A split by name. ``str()`` of it is the one way to write it.

    Attributes:
        kind: the part before the colon.
        number: N of ``few-shot`` (users who train), K of ``cold-users`` (events that are known).
        share: of the items, of ``cold-items``.
        source: domain that histories of ``cross-domain`` come from.
        target: domain that it tests.
    """

    kind: str
    number: int = 0
    share: float = 0.0
    source: str = ""
    target: str = ""

    def __str__(self) -> str:
        if self.kind == "cross-domain":
            return f"{self.kind}:{self.source}>{self.target}"
        if self.kind == "cold-items":
            return f"{self.kind}:{self.share:g}"
        return f"{self.kind}:{self.number}" if self.number else self.kind


def parse_split(text: str) -> SplitName:
    """The split that *text* names.

    Raises:
        ConfigError: no split has that name, or what follows the colon does not fit it.
    """
    kind, _, rest = text.strip().partition(":")
    if kind not in (*FORMS, UPDATE):
        near = difflib.get_close_matches(kind, FORMS, n=1)
        hint = f"; did you mean {FORMS[near[0]]}?" if near else ""
        raise ConfigError(f"no split '{text}'; there are: {', '.join(FORMS.values())}{hint}")
    if kind == "few-shot":
        return SplitName(kind, number=_number(text, kind, rest, "users who train"))
    if kind == "cold-users":
        return SplitName(kind, number=_number(text, kind, rest or str(K), "events that are known"))
    if kind == "cold-items":
        return SplitName(kind, share=_share(text, rest or str(SHARE)))
    if kind == "cross-domain":
        return _domains(text, rest)
    if rest:
        raise ConfigError(f"split '{text}': {kind} takes nothing after it; write {kind}")
    return SplitName(kind)


def _number(text: str, kind: str, rest: str, what: str) -> int:
    if not rest.isdecimal() or int(rest) < 1:
        example = {"few-shot": "64", "cold-users": str(K)}[kind]
        raise ConfigError(
            f"split '{text}': {FORMS[kind]} wants a whole number of {what}, 1 or more, such as "
            f"{kind}:{example}"
        )
    return int(rest)


def _share(text: str, rest: str) -> float:
    try:
        share = float(rest)
    except ValueError:
        share = 0.0
    if not 0 < share < 0.5:
        raise ConfigError(
            f"split '{text}': cold-items:SHARE wants a share of the items above 0 and below 0.5 "
            "(as many validate as test), such as cold-items:0.1"
        )
    return float(f"{share:g}")


def _domains(text: str, rest: str) -> SplitName:
    source, _, target = (part.strip() for part in rest.partition(">" if ">" in rest else ":"))
    if not source or not target:
        raise ConfigError(
            f"split '{text}': cross-domain:SOURCE>TARGET wants two domains, in quotes on the "
            "command line: 'cross-domain:books>films', or cross-domain:books:films"
        )
    if source == target:
        raise ConfigError(f"split '{text}': source and target are one domain; name two")
    return SplitName("cross-domain", source=source, target=target)
