"""What every door asks first: which services, who is there, and are they too fast."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Path, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from chat_api.core.allowances import Allowance
from chat_api.core.cookies import ADMIN_COOKIE, SESSION_COOKIE, read_cookie
from chat_api.core.errors import NotAuthenticated
from chat_api.core.language import N_
from chat_api.core.principals import Device, Principal
from chat_api.core.rate_limits import RateLimits
from chat_api.core.security import is_api_key
from chat_api.core.tally import Tally
from chat_api.http.middleware.requests import ANSWER_HEADERS

UNKNOWN_ADDRESS = "unknown"
S = TypeVar("S")


class Authenticator(Protocol):
    """Knows who a token belongs to."""

    async def authenticate(self, token: str | None, *, is_admin: bool = False, address: str | None = None) -> Principal:
        """The owner of a token. Raises: NotAuthenticated."""
        ...


class KeyDoor(Protocol):
    """Lets API keys in, as often as they may."""

    async def enter(self, token: str, *, address: str) -> Principal:
        """Whom a key stands for. Raises: NotAuthenticated, RateLimited."""
        ...

    async def take(self, principal: Principal) -> Allowance:
        """Count a request of a key."""
        ...


class Services(Protocol):
    """What endpoints may use: that which all of them need, and the services of their own noun by class."""

    @property
    def auth(self) -> Authenticator:
        """Who is asking."""
        ...

    @property
    def key_access(self) -> KeyDoor:
        """Who is asking, with an API key."""
        ...

    @property
    def limits(self) -> RateLimits:
        """How often they may."""
        ...

    def of(self, kind: type[S]) -> S:
        """The application's service of a class."""
        ...


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token of the ``Authorization`` header; ``None`` without one, or for another scheme.

    Every route reads it here: of two headers, which one counts would be anybody's guess, a proxy's or ours.
    Raises: NotAuthenticated when there are several.
    """
    given = connection.headers.getlist("authorization")
    if len(given) > 1:
        raise NotAuthenticated("Send one Authorization header, not several.")
    scheme, _, token = given[0].partition(" ") if given else ("", "", "")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


class _Bearer(HTTPBearer):
    """Describes the token to FastAPI, and reads it as everybody does."""

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials | None:
        token = bearer_token(request)
        return HTTPAuthorizationCredentials(scheme="Bearer", credentials=token) if token else None


_bearer = _Bearer(scheme_name="HTTPBearer", auto_error=False, description="The token from a login, or an API key.")
_session_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="Set by `POST /api/login`.")
_admin_cookie = APIKeyCookie(name=ADMIN_COOKIE, auto_error=False, description="Set by `POST /api/admin/login`.")

BotName = Annotated[str, Path(min_length=1, max_length=50)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def services_of(connection: HTTPConnection) -> Services:
    """The services of the application that this request came to."""
    services: Services = connection.app.state.services
    return services


def service(kind: type[S]) -> Any:
    """A dependency of an endpoint: the application's service of a class."""

    async def find(request: Request) -> S:  # async, for FastAPI runs a plain function in a thread
        return services_of(request).of(kind)

    return Depends(find)


def address_of(connection: HTTPConnection) -> str:
    """The client's address, as far as trusted proxies tell."""
    return connection.client.host if connection.client else UNKNOWN_ADDRESS


def cookie_of(connection: HTTPConnection, base: str) -> str | None:
    """One of our cookies, under the name that it has on this kind of connection."""
    return read_cookie(connection.cookies, base, is_secure=connection.url.scheme in {"https", "wss"})


def device_of(connection: HTTPConnection) -> Device:
    """Where a sign-in comes from, for the list of sessions."""
    return Device(address=address_of(connection), user_agent=connection.headers.get("user-agent", "")[:200] or None)


async def by_api_key(connection: HTTPConnection, token: str) -> Principal:
    """Whom an API key stands for; its request is counted, and what is left goes along with the answer.

    Raises: NotAuthenticated, RateLimited.
    """
    door = services_of(connection).key_access
    principal = await door.enter(token, address=address_of(connection))
    allowance = await door.take(principal)
    connection.scope.setdefault("state", {})[ANSWER_HEADERS] = allowance.headers()
    allowance.require()
    return principal


async def user(request: Request, bearer: Bearer, _: Annotated[str | None, Depends(_session_cookie)]) -> Principal:
    """The signed-in user, from the bearer token, else from the browser's cookie. Raises: NotAuthenticated."""
    if bearer and is_api_key(bearer.credentials):
        return as_user(await by_api_key(request, bearer.credentials))
    token = bearer.credentials if bearer else cookie_of(request, SESSION_COOKIE)
    return await services_of(request).auth.authenticate(token, address=address_of(request))


async def admin(request: Request, bearer: Bearer, _: Annotated[str | None, Depends(_admin_cookie)]) -> Principal:
    """The signed-in administrator of any role; what they may do is the service's to say. Raises: NotAuthenticated."""
    if bearer and is_api_key(bearer.credentials):
        return _as_admin(await by_api_key(request, bearer.credentials))
    token = bearer.credentials if bearer else cookie_of(request, ADMIN_COOKIE)
    principal = await services_of(request).auth.authenticate(token, is_admin=True, address=address_of(request))
    await services_of(request).limits.hit(principal.user_id)
    return principal


async def anyone(request: Request, bearer: Bearer) -> Principal:
    """A user or an administrator, counted. Raises: NotAuthenticated, RateLimited."""
    if bearer and is_api_key(bearer.credentials):
        return await by_api_key(request, bearer.credentials)
    try:
        principal = await user(request, bearer, None)
    except NotAuthenticated:
        return await admin(request, bearer, None)
    await services_of(request).limits.hit(principal.user_id, address=principal.address)
    return principal


async def limited_by_address(request: Request) -> None:
    """Count a request of somebody who is not signed in. Raises: RateLimited."""
    await services_of(request).limits.hit_address(address_of(request))


User = Annotated[Principal, Depends(user)]
Admin = Annotated[Principal, Depends(admin)]
Anyone = Annotated[Principal, Depends(anyone)]


async def exporter(request: Request, principal: Admin) -> AsyncIterator[Principal]:
    """An administrator who is sent much at once; only some at a time. Raises: NotAuthenticated, RateLimited."""
    exports: Tally = request.app.state.exports
    with exports.holding(principal.user_id, refusal=N_("Too many exports are running. Wait until one is done.")):
        yield principal


Exporter = Annotated[Principal, Depends(exporter)]


async def limited_user(request: Request, principal: User) -> Principal:
    """The signed-in user, counted. Raises: NotAuthenticated, RateLimited."""
    await services_of(request).limits.hit_principal(principal)
    return principal


def as_user(principal: Principal) -> Principal:
    """An API key of an account. Raises: NotAuthenticated for an administrator's, as for their sessions."""
    if principal.is_admin:
        raise NotAuthenticated
    return principal


def _as_admin(principal: Principal) -> Principal:
    if not principal.is_admin:
        raise NotAuthenticated
    return principal


LimitedUser = Annotated[Principal, Depends(limited_user)]
