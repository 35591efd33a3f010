"""What routes ask of a request: the service, the caller's role, the time that is left."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from palate.serving.keys import Caller, Role
from palate.serving.problems import Problem
from palate.serving.service import Service


def told(answer: BaseModel, status: int = 200) -> Response:
    """An answer as it is sent, of routes that are asked often.

    FastAPI would have another thread look through it before it is sent; it was built by its schema.
    """
    return Response(answer.model_dump_json(), status, media_type="application/json")


async def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


async def _deadline(request: Request) -> float | None:
    found: float | None = request.scope["palate.deadline"]
    return found


def needs(role: Role) -> Any:
    """A dependency that lets callers of a role pass, and gives who they are."""

    # Async: a synchronous one would wait for a thread before the route waits for another.
    async def check(request: Request) -> Caller:
        caller: Caller = request.scope["palate.caller"]
        if not caller.may(role):
            raise Problem(
                403, f"this key may {caller.role}; what is asked for needs a key of role {role}: "
                f"palate keys add NAME --role {role}"
            )  # fmt: skip
        return caller

    return Depends(check)


TheService = Annotated[Service, Depends(_service)]
Deadline = Annotated[float | None, Depends(_deadline)]
