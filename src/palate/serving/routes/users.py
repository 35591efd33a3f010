"""Users: who they are, what is known of them, export and deletion."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from palate.errors import StoreError
from palate.serving.keys import Caller
from palate.serving.routes.lists import item_told, known_of, run_told
from palate.serving.routes.needs import TheService, needs
from palate.serving.schemas.base import RunName, UserId
from palate.serving.schemas.recommend import Person
from palate.serving.schemas.users import DeletedTold, ExportTold, UsersTold, UserTold
from palate.serving.store import users as stored

router = APIRouter(tags=["users"])


@router.get("/users", summary="Users", dependencies=[needs("read")])
def users(
    service: TheService,
    prefix: Annotated[
        str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="How ids begin.")
    ] = "",
    run: Annotated[RunName | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> UsersTold:
    """Ids of users that the store or the run knows, for choosing one while typing."""
    engine = service.runs.get(run)
    try:
        recent = stored.listed(service.store, prefix, limit)
    except StoreError:
        recent = []
    known = [
        user for user in engine.people.listed(prefix, 2 * limit) if not service.has_forgotten(user)
    ]
    return UsersTold(users=list(dict.fromkeys([*known, *recent]))[:limit])


@router.get("/users/{user:path}/export", summary="All that is kept about a user")
def export_user(
    service: TheService, user: UserId, caller: Annotated[Caller, needs("admin")]
) -> ExportTold:
    """Everything that the store and the runs keep about a user, to hand over to them."""
    runs = {}
    for engine in service.runs.all():
        known = engine.known(user, [], service.has_forgotten(user))
        runs[engine.name] = [item_told(engine, item) for item in known.items]
    return ExportTold(user=user, store=stored.exported(service.store, user), runs=runs)


@router.get("/users/{user:path}", summary="A user", dependencies=[needs("read")])
def user(
    service: TheService, user: UserId, run: Annotated[RunName | None, Query()] = None
) -> UserTold:
    """What lists for a user are made from."""
    engine = service.runs.get(run)
    known, notes = known_of(service, engine, Person(user=user))
    refused = sorted(known.gone - set(known.items))
    return UserTold(
        run=run_told(engine),
        user=user,
        known=bool(known.gone),
        history=[item_told(engine, item) for item in reversed(known.items)],
        refused=[item_told(engine, item) for item in refused],
        waiting=known.later,
        notes=notes,
    )


@router.delete("/users/{user:path}", summary="Delete everything about a user")
def delete_user(
    service: TheService, user: UserId, caller: Annotated[Caller, needs("admin")]
) -> DeletedTold:
    """Delete a user's events, and use nothing more of what runs know of them.

    The next `palate update --from-store` leaves their rows out of its data. What a model learned
    from them stays in its weights until it is trained anew (`--strategy full`); the files that the
    first run was trained on are yours to edit.
    """
    runs = {
        engine.name: engine.known(user, [], service.has_forgotten(user)).of_run
        for engine in service.runs.all()
    }
    done = service.forget(user, caller.name)
    notes = []
    if any(runs.values()):
        notes.append(
            "models trained on this user's events keep what they learned until they are trained "
            "anew: palate update RUN --from-store --strategy full"
        )
    return DeletedTold(user=user, events=done.events, runs=runs, notes=notes)
