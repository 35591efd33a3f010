"""Conversations: constraints are kept whoever ranks and whoever words the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from palate.conversation.answers import Answer
from palate.conversation.dialogue import Dialogue
from palate.serving import problems
from palate.serving.engine import Engine
from palate.serving.routes.lists import known_of, run_told
from palate.serving.routes.needs import Deadline, TheService, needs
from palate.serving.schemas.chat import ChatAsked, ChatTold, ChoiceTold, LooseningTold
from palate.serving.schemas.recommend import Person
from palate.serving.service import Service

router = APIRouter(tags=["chat"], dependencies=[needs("read")])

STREAM = "text/event-stream"


@router.post(
    "/chat",
    summary="Talk to a run",
    response_model=ChatTold,
    responses={
        200: {
            "description": "One JSON document, or with `Accept: text/event-stream` a stream of "
            "events: `understood`, one `item` for each choice, `text`, and `done` with the whole "
            "answer.",
            "content": {STREAM: {"schema": {"type": "string"}}},
        }
    },
)
def chat(
    service: TheService,
    deadline: Deadline,
    asked: ChatAsked,
    accept: Annotated[str, Header(max_length=1000)] = "application/json",
) -> Any:
    """Answer the last turn of a conversation.

    What is shown as ruled out never comes, and nothing that is said changes what the server does:
    text is read for wishes about items and for nothing else. Streamed, the choices come at once
    and the words when they are found.
    """
    engine = service.runs.get(asked.run)
    dialogue = _dialogue(service, engine, asked, deadline)
    for turn in asked.turns[:-1]:
        dialogue.answer(turn)
    answer = dialogue.answer(asked.turns[-1])
    if STREAM in accept:
        return StreamingResponse(_streamed(service, engine, dialogue, answer), media_type=STREAM)
    return _told(engine, _worded(service, dialogue, answer))


def _dialogue(
    service: Service, engine: Engine, asked: ChatAsked, deadline: float | None
) -> Dialogue:
    history: list[int] = []
    if asked.user is not None or asked.history is not None:
        person = Person(user=asked.user, history=asked.history)
        history = list(known_of(service, engine, person)[0].items)
    return Dialogue(
        engine.scorer(deadline),
        engine.catalogue,
        history,
        k=asked.k,
        writer=service.writer,
        reading=engine.reading,
    )


def _worded(service: Service, dialogue: Dialogue, answer: Answer) -> Answer:
    if service.writer is None:
        return answer
    with service.writing:
        return dialogue.word(answer)


def _streamed(
    service: Service, engine: Engine, dialogue: Dialogue, answer: Answer
) -> Iterator[str]:
    told = _told(engine, answer)
    yield _event("understood", told.understood)
    for choice in told.choices:
        yield _event("item", choice.model_dump())
    try:
        told = _told(engine, _worded(service, dialogue, answer))
    except Exception as error:  # the stream has begun: it ends in an event that says so
        failed: Response = problems.of(error)
        yield f"event: problem\ndata: {bytes(failed.body).decode()}\n\n"
        return
    yield _event("text", told.text)
    yield _event("done", told.model_dump())


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


def _told(engine: Engine, answer: Answer) -> ChatTold:
    return ChatTold(
        run=run_told(engine),
        text=answer.text,
        worded_by=answer.worded_by,
        understood=list(answer.understood),
        choices=[
            ChoiceTold(
                item=one.item,
                title=one.title,
                year=one.year,
                genres=list(one.genres),
                why=list(one.why),
            )
            for one in answer.choices
        ],
        remarks=list(answer.remarks),
        loosening=[LooseningTold(without=o.without, items=o.items) for o in answer.loosening],
        untold=answer.untold,
    )
