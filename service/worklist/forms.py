"""The form of a decision, as the page of a case sends it, and what of it a chart can take."""

from typing import Annotated

from fastapi import Depends, Form, HTTPException
from starlette.datastructures import FormData

from contracts.decisions import Correction, DecisionKind
from contracts.frozen import Frozen
from contracts.views import View

REASON_CHARS, ITEM_CHARS = 300, 20_000


class DecisionForm(Frozen):
    """A person's answer to the version of a case that their page showed."""

    page_id: str
    """Random, one for each rendering of the page: the same form sent again has the same."""
    kind: DecisionKind
    version: int
    """Of the suggestion that was shown."""
    shown_hash: str
    selected: str | None = None
    reason: str = ""
    corrections: tuple[Correction, ...] = ()
    dwell_ms: str = ""
    """From the page's rendering to the click, as the browser sent it: unchecked."""


async def decision_form(
    kind: Annotated[DecisionKind, Form()],
    version: Annotated[int, Form()],
    shown_hash: Annotated[str, Form()],
    decision_id: Annotated[str, Form()],
    selected: Annotated[str, Form()] = "",
    reason: Annotated[str, Form(max_length=REASON_CHARS)] = "",
    dwell_ms: Annotated[str, Form()] = "",
) -> DecisionForm:
    """Return the form without corrections: which fields are items, only the case's view knows.

    A coroutine, since FastAPI runs any other dependency in a thread.
    """
    return DecisionForm(
        page_id=decision_id,
        kind=kind,
        version=version,
        shown_hash=shown_hash,
        selected=selected or None,
        reason=one_line(reason),
        dwell_ms=dwell_ms,
    )


SentForm = Annotated[DecisionForm, Depends(decision_form)]


def one_line(text: str) -> str:
    """Return what a person wrote without control characters, which a chart may refuse after the decision was taken."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def corrections(view: View | None, form: FormData) -> tuple[Correction, ...]:
    """Return what a person made of the items: those in doubt that they confirmed or corrected, others that differ.

    What is empty can't be confirmed, and what must be typed neither: a person types it, or leaves it out. Raises
    HTTPException (422) for a text over ITEM_CHARS, which would be cut.
    """
    found: list[Correction] = []
    for item in view.items if view else ():
        typed = form.get(f"item-{item.key}")
        if not isinstance(typed, str):
            continue
        if len(typed) > ITEM_CHARS:
            raise HTTPException(422)
        text = one_line(typed)
        if item.must_type:
            answered = bool(text) != (bool(item.heard) and f"leave-out-{item.key}" in form)
        else:
            confirmed = item.doubt and text and f"confirm-{item.key}" in form
            answered = text != one_line(item.text) or bool(confirmed)
        if answered:
            found.append(Correction(key=item.key, text=text))
    return tuple(found)
