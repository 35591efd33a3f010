"""What the Tab key offers: methods, named data sets, run folders."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("runs")


def methods(incomplete: str) -> list[tuple[str, str]]:
    """Names of methods, each with its line."""
    from palate.recommenders import registry

    known = {m.name: m.summary for kind in registry.KINDS[::-1] for m in registry.methods(kind)}
    return [(name, told) for name, told in known.items() if name.startswith(incomplete)]


def data_sets(incomplete: str) -> list[str]:
    """Names of data sets, then files and folders."""
    from palate.data import sources

    named = [name for name in sources.names() if name.startswith(incomplete)]
    return named + _paths(incomplete)


def runs(incomplete: str) -> list[str]:
    """Run folders below ``runs/``, else any folder."""
    found = sorted(str(config.parent) for config in RUNS.glob("**/config.yaml"))
    return [run for run in found if run.startswith(incomplete)] or _paths(incomplete)


def _paths(incomplete: str) -> list[str]:
    return sorted(
        f"{path}/" if path.is_dir() else str(path)
        for path in Path().glob(f"{incomplete}*" if incomplete else "*")
        if not path.name.startswith(".")
    )
