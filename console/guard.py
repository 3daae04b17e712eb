"""Who may open what: pages by session, and NiceGUI's socket by the session that its page was built for.

:class:`ConsoleGuard` is plain ASGI middleware (``BaseHTTPMiddleware`` never sees WebSockets) between our application
and NiceGUI's. What no page was registered for is answered here, and so is a visitor without a session, because each
page that NiceGUI builds costs memory on the server. Pages deny by default: a path has an audience, or it is unknown.
"""

import asyncio
import math
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from nicegui import Client
from nicegui import __version__ as nicegui_version
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_api.core.addresses import address_key
from chat_api.core.cookies import ADMIN_COOKIE, SESSION_COOKIE, cookie_name, read_cookie
from chat_api.core.errors import AppError, NotAuthenticated, RateLimited, Unavailable
from chat_api.core.principals import Principal
from chat_api.core.tally import Tally
from console import plain
from console.context import pages_by_address, services
from console.language_choice import answer_choice
from console.page_socket import NO_PAGE, PageSocket, page_of, query_of

SOCKET_PATH: Final = "/_nicegui_ws/"
_STATIC = re.compile(
    rf"/_nicegui/{re.escape(nicegui_version)}/"
    r"(static/.|libraries/.|components/.|dynamic_resources/[^/]+$|(resources|esm)/[^/]+/.)|/favicon\.ico$"
)
_VISITOR = "console.visitor"
MAX_PAGES_PER_PERSON: Final = 50
# How many pages are built at once. When everybody comes back together, as after a restart, those who came first have
# their page soon; built all at once, they would all take so long that NiceGUI gives every one of them up.
MAX_BUILDING: Final = 8
MAX_WAIT_S: Final = 50.0


class Audience(StrEnum):
    """Whose session opens a page."""

    ADMIN = "admin"
    CHAT = "chat"
    ANYONE = "anyone"


SignIn = str | Callable[[Request], Response]
TakesForm = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRule:
    """One page path.

    ``sign_in`` answers a visitor who may not open it: an address to go to, or a page of its own. ``takes_form`` answers
    a form that is posted to it.
    """

    pattern: re.Pattern[str]
    audience: Audience
    sign_in: SignIn
    takes_form: TakesForm | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who a page was built for, and the token that said so."""

    principal: Principal | None
    audience: Audience
    token: str | None


_rules: dict[str, PageRule] = {}
_pages_of_people = Tally(MAX_PAGES_PER_PERSON)


def add_rule(path: str, audience: Audience, sign_in: SignIn, *, takes_form: TakesForm | None = None) -> None:
    """Let a path through to NiceGUI; ``path`` may have ``{parameters}``."""
    pattern = compile_path(path)[0]
    _rules[path] = PageRule(pattern=pattern, audience=audience, sign_in=sign_in, takes_form=takes_form)


def sign_in_address(sign_in: str, go_on: str) -> str:
    """Where one signs in, and is sent on from."""
    return f"{sign_in}?next={quote(go_on, safe='')}"


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Who the guard let in on this request."""
    visitor: Visitor = connection.scope[_VISITOR]
    return visitor


class ConsoleGuard:
    """Stands before NiceGUI's application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._building = asyncio.Semaphore(MAX_BUILDING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] == "lifespan" or _STATIC.match(scope["path"]):
            await self._app(scope, receive, send)
        elif scope["path"].startswith(SOCKET_PATH):
            await self._socket(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4404, "reason": "not found"})
        else:
            await self._page(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        rule = next((rule for rule in _rules.values() if rule.pattern.match(scope["path"])), None)
        answer: ASGIApp
        if rule is None:
            answer = not_found()
        elif scope["method"] == "POST" and rule.takes_form is not None:
            answer = await rule.takes_form(request)
        elif scope["method"] != "GET":
            answer = Response(status_code=405, headers={"Allow": "GET, POST" if rule.takes_form else "GET"})
        elif (chosen := answer_choice(request)) is not None:
            answer = chosen
        else:
            await self._build(request, rule, send)
            return
        await answer(scope, receive, send)

    async def _build(self, request: Request, rule: PageRule, send: Send) -> None:
        """Let NiceGUI build a page when it is its turn, or say why it does not."""
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await self._building.acquire()
        except TimeoutError:
            await _unavailable(Unavailable())(request.scope, request.receive, send)
            return
        with ExitStack() as turn:
            turn.callback(self._building.release)

            async def built(message: Message) -> None:
                turn.close()  # however slowly the visitor reads it
                await send(message)

            answer = await _refusal(request, rule)
            await (answer or self._app)(request.scope, request.receive, built)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":  # polling is off: the origin of every WebSocket was checked before us
            await Response(status_code=403)(scope, receive, send)
            return
        page = page_of(scope["query_string"]) if scope["path"] == SOCKET_PATH + "socket.io/" else None
        if page is None:
            await send({"type": "websocket.close", "code": 4403, "reason": "forbidden"})
            return
        visitor = _visitor_of_page(HTTPConnection(scope), page["client_id"])
        if visitor is None:
            # NiceGUI refuses an id that no page has, and its script reloads the page for who is there now.
            page["client_id"] = NO_PAGE
        address = scope["client"][0] if scope.get("client") else None
        person = visitor.principal.user_id if visitor and visitor.principal else None
        with ExitStack() as held:
            try:
                held.enter_context(pages_by_address().holding(address_key(address), refusal="address"))
                if person is not None:
                    held.enter_context(_pages_of_people.holding(person, refusal="person"))
            except RateLimited:
                await send({"type": "websocket.close", "code": 4409, "reason": "too many connections"})
                return
            scope = {**scope, "query_string": query_of(page)}
            await PageSocket(page["client_id"]).serve(self._app, scope, receive, send)


async def _refusal(request: Request, rule: PageRule) -> Response | None:
    """What to say instead of building a page, or ``None`` when NiceGUI may build it."""
    try:
        visitor = await _identify(request, rule.audience)
    except NotAuthenticated:
        return _sign_in_answer(request, rule)
    except AppError as error:
        return _unavailable(error)
    request.scope[_VISITOR] = visitor
    return None


def not_found() -> Response:
    """The answer for an address that nothing lives at: small, and the same for all."""
    return HTMLResponse(plain.not_found(), status_code=404)


def _unavailable(error: AppError) -> Response:
    """The page for now; it asks again by itself, a little apart from all others that do."""
    retry_after_s = math.ceil(error.retry_after_s or 5)
    headers = {
        "Retry-After": str(retry_after_s),
        "Refresh": str(retry_after_s + random.randint(1, 5)),
        "Cache-Control": "no-store",
    }
    return HTMLResponse(plain.failure(error.message), status_code=error.status, headers=headers)


async def _identify(connection: HTTPConnection, audience: Audience) -> Visitor:
    token = _token(connection, audience)
    if audience is Audience.ANYONE:
        return Visitor(principal=None, audience=audience, token=None)
    address = connection.client.host if connection.client else None
    principal = await services().auth.authenticate(token, is_admin=audience is Audience.ADMIN, address=address)
    # A page costs memory until its browser has connected or given up.
    await services().limits.hit(principal.user_id, address=None if principal.is_admin else address)
    return Visitor(principal=principal, audience=audience, token=token)


def _token(connection: HTTPConnection, audience: Audience) -> str | None:
    base = _cookie_of(audience)
    return read_cookie(connection.cookies, base, is_secure=connection.url.scheme in {"https", "wss"}) if base else None


def _cookie_of(audience: Audience) -> str | None:
    return {Audience.ADMIN: ADMIN_COOKIE, Audience.CHAT: SESSION_COOKIE}.get(audience)


def _sign_in_answer(request: Request, rule: PageRule) -> Response:
    if callable(rule.sign_in):
        return rule.sign_in(request)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(sign_in_address(rule.sign_in, here), status_code=303)


def _visitor_of_page(connection: HTTPConnection, client_id: str) -> Visitor | None:
    """For whom a page was built, if that is who asks."""
    client = Client.instances.get(client_id)
    visitor: Visitor | None = client.request.scope.get(_VISITOR) if client else None
    if visitor is None or (base := _cookie_of(visitor.audience)) is None:
        return visitor
    # Under either name: a proxy may tell the scheme of a page and not that of an upgrade, and the token decides.
    names = (cookie_name(base, is_secure=is_secure) for is_secure in (True, False))
    return visitor if visitor.token in [connection.cookies.get(name) for name in names] else None
