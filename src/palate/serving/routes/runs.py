"""Runs: what they are, which version is active, and the swap to another."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from palate.errors import RunError
from palate.experiments.lineage import record
from palate.recommenders.base import Represents
from palate.serving.engine import Engine
from palate.serving.keys import Caller
from palate.serving.problems import Problem
from palate.serving.routes.lists import run_told
from palate.serving.routes.needs import TheService, needs
from palate.serving.schemas.base import RunName
from palate.serving.schemas.runs import (
    ActivateAsked,
    ActivatedTold,
    FacetTold,
    RollbackAsked,
    RunDetails,
    RunListed,
    RunsTold,
)
from palate.serving.service import Service
from palate.serving.store import activations
from palate.serving.verdict import of_version

router = APIRouter(tags=["runs"])

REPORT = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox; frame-ancestors 'self'"
}


@router.get("/runs", summary="The runs that are served", dependencies=[needs("read")])
def runs(service: TheService) -> RunsTold:
    """All runs by name, the default first, with their metrics and versions."""
    return RunsTold(runs=[RunListed(**_listed(service, one)) for one in service.runs.all()])


@router.get("/runs/{name}", summary="A run in detail", dependencies=[needs("read")])
def run(service: TheService, name: RunName) -> RunDetails:
    """Settings, cost, results, the attributes to filter by, and what it can do."""
    engine = service.runs.get(name)
    abilities = ["recommend", "explain", "similar", "chat"]
    if engine.reads_items and isinstance(engine.model.recommender, Represents):
        abilities += ["meaning", "new items"]
    return RunDetails(
        **_listed(service, engine),
        settings=engine.run.config["settings"],
        cost=_finite(engine.run.cost()),
        results=_finite(engine.run.results()),
        attributes=[
            FacetTold(name=one.name, values=list(one.values), min=one.least, max=one.most)
            for one in engine.attributes.facets()
        ],
        activations=activations.history(service.store, engine.name),
        update=_finite(record(engine.run)),
        abilities=abilities,
    )


@router.get(
    "/runs/{name}/report",
    summary="A run's report",
    dependencies=[needs("read")],
    response_class=HTMLResponse,
)
def report(service: TheService, name: RunName) -> HTMLResponse:
    """``report.html`` of the active version: metrics, cost and pictures, without scripts."""
    path = service.runs.get(name).run.path("report.html")
    if not path.is_file():
        raise Problem(404, f"{name} has no report; make it with: palate report {path.parent}")
    return HTMLResponse(path.read_text("utf-8"), headers=REPORT)


@router.post("/runs/activate", summary="Swap a version in")
def activate(
    service: TheService, asked: ActivateAsked, caller: Annotated[Caller, needs("admin")]
) -> ActivatedTold:
    """Have a name stand for another version, without a dropped request.

    It is loaded and tried first; nothing changes where it cannot be loaded. Requests under way
    finish on the version that they began with. Other servers on the store follow within seconds.
    A version that its update found worse is refused, unless `force` is set.
    """
    name = service.runs.get(asked.run).name
    before = service.runs.get(name).version
    folder = service.runs.folder_of(name, asked.version)
    verdict = None
    with suppress(RunError):  # of a broken folder, activating it says what is broken
        verdict = of_version(folder)
    if not asked.force and verdict is not None and not verdict.good:
        raise Problem(409, f'{verdict.why}; activate it all the same with "force": true')
    return ActivatedTold(
        run=run_told(service.runs.activate(name, asked.version, caller.name)), before=before
    )


@router.post("/runs/rollback", summary="Go back to the version before")
def rollback(
    service: TheService, asked: RollbackAsked, caller: Annotated[Caller, needs("admin")]
) -> ActivatedTold:
    """Swap in the version that was active before the one that is."""
    engine = service.runs.get(asked.run)
    now = service.runs.rollback(engine.name, caller.name)
    return ActivatedTold(run=run_told(now), before=engine.version)


def _listed(service: Service, engine: Engine) -> dict[str, Any]:
    index = engine.index
    told = "exact" if index is None else "hnsw"
    if index is not None and index.recall is not None:
        told += f", recall@100 {index.recall:.3f}"
    return {
        **run_told(engine).model_dump(),
        "users": len(engine.people),
        "items": len(engine.catalogue),
        "metrics": _finite(engine.run.metrics()),
        "versions": service.runs.versions(engine.name),
        "index": told,
    }


def _finite(value: Any) -> Any:
    """What JSON has no word for is null."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
