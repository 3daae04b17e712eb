"""Forms that take a secret: plain HTML, posted, so that no address ever holds what was typed, with scripts or without.

A form that was accepted is answered with a redirect; one that was refused, with the page again and the reason.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from chat_api.core.errors import AppError, MalformedRequest, UnsupportedMedia
from chat_api.core.language import N_, _
from chat_api.core.logging import get_logger
from chat_api.core.security import new_secret
from chat_api.http.dependencies import limited_by_address
from chat_api.people.session_schemas import SignIn
from chat_api.people.sign_in_routes import keep_session
from console import page_head
from console.language_choice import language_form

log = get_logger(__name__)

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FIELDS = 20
MAX_SHOWN_NAME = 100
# What people know the fields of the API by.
_LABELS = {"username": N_("Name"), "password": N_("Password")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What the page says of the form that was sent: why, and the name that was typed. Never a secret."""

    message: str = ""
    name: str = ""


NOTHING_SENT = Refused()

Fields = Mapping[str, str]


async def answer_form(
    request: Request,
    *,
    sign_in: Callable[[Request, Fields], Awaitable[SignIn]],
    page: Callable[[Refused], Awaitable[Response]],
    go_on: str,
) -> Response:
    """Sign in with what a form says, and send the browser to ``go_on``; show the page again when it is refused."""
    name = ""
    try:
        fields = await _read(request)
        name = fields.get("username", "")[:MAX_SHOWN_NAME]
        await limited_by_address(request)
        signed_in = await sign_in(request, fields)
    except AppError as error:
        if error.detail:
            log.warning("request_refused", code=error.code, detail=error.detail)
        answer = await page(Refused(message=_worded(error), name=name))
        answer.status_code = error.status
        if error.retry_after_s is not None or error.status in {429, 503}:
            answer.headers["Retry-After"] = str(math.ceil(error.retry_after_s or 1))
        return answer
    response = RedirectResponse(go_on, status_code=303, headers={"Cache-Control": "no-store"})
    keep_session(request, response, signed_in)
    return response


def form_page(title: str, body: str, *, address: str) -> Response:
    """The page of a form, at one of our addresses; nothing of it is kept by a browser or a proxy."""
    foot = f"<footer>{language_form(address)}</footer>"
    page = page_head.document(title, f'<main class="we-sign-in">{page_head.brand()}{body}</main>{foot}')
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def opening(action: str) -> str:
    """The beginning of a form."""
    return f'<form method="post" action="{escape(action)}" accept-charset="utf-8">'


def attempt() -> str:
    """What makes a form that is sent twice, or again because the answer was lost, the same one both times."""
    return f'<input type="hidden" name="attempt" value="{new_secret()}">'


def field(name: str, label: str, attributes: str, *, value: str = "") -> str:
    """One field. ``label`` and ``attributes`` are trusted markup; ``value`` is what was typed before."""
    typed = f' value="{escape(value)}"' if value else ""
    return f'<label class="we-field"><span>{label}</span><input name="{name}"{typed} {attributes}></label>'


def hinted(label: str, hint: str) -> str:
    """A field's label with a hint beside it."""
    return f'{label} <small class="we-muted">{hint}</small>'


def closing(refused: Refused, button: str) -> str:
    """What went wrong, and the button."""
    return (
        f'<p class="we-form-error" role="alert" data-testid="form-error">{escape(refused.message)}</p>'
        f'<button class="we-button we-primary" type="submit">{button}</button>'
    )


async def _read(request: Request) -> dict[str, str]:
    """The fields of a form. Raises: UnsupportedMedia, MalformedRequest."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise UnsupportedMedia(f"Send {FORM_TYPE}.")
    try:
        body = (await request.body()).decode("ascii")
        return dict(parse_qsl(body, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except ValueError:
        raise MalformedRequest from None


def _worded(error: AppError) -> str:
    label = _LABELS.get(error.field or "")
    return f"{_(label)}: {error.reason}" if label else error.message
