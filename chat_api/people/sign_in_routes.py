"""Signing in, shared by the API and by the forms of pages.

Both count against the same limits, use the same proof and set the same cookies.
"""

from starlette.requests import Request
from starlette.responses import Response

from chat_api.core.cookies import ADMIN_COOKIE, CLAIM_COOKIE, SESSION_COOKIE, cookie_name
from chat_api.http.dependencies import address_of, cookie_of, device_of, services_of
from chat_api.people.admin_setup import AdminSetupService
from chat_api.people.auth import AuthService
from chat_api.people.identity import CLAIM_LIVES_DAYS
from chat_api.people.session_schemas import SignIn

CLAIM_MAX_AGE_S = CLAIM_LIVES_DAYS * 24 * 3600


async def sign_in_user(
    request: Request,
    *,
    username: str,
    display_name: str | None = None,
    password: str | None = None,
    bearer: str | None = None,
    attempt: str | None = None,
) -> SignIn:
    """Sign a user in, with the proof that the request brings; ``attempt`` is the secret of a form.

    Raises: as :meth:`AuthService.login`.
    """
    return (
        await services_of(request)
        .of(AuthService)
        .login(
            username,
            display_name=display_name,
            password=password,
            claim=cookie_of(request, CLAIM_COOKIE),
            token=bearer or cookie_of(request, SESSION_COOKIE),
            attempt=attempt,
            is_rotated=bearer is None,
            device=device_of(request),
        )
    )


async def sign_in_admin(
    request: Request, *, username: str, password: str, totp: str | None = None, attempt: str | None = None
) -> SignIn:
    """Sign an administrator in; the session that the browser's cookie held is over then.

    ``attempt`` is the secret of a form.

    Raises: RateLimited, and as :meth:`AuthService.admin_login`.
    """
    services = services_of(request)
    await services.limits.admin_login(address_of(request))
    return await services.of(AuthService).admin_login(
        username,
        password,
        totp=totp,
        replaced=cookie_of(request, ADMIN_COOKIE),
        attempt=attempt,
        device=device_of(request),
    )


async def set_up_admin(request: Request, *, code: str, username: str, password: str) -> None:
    """Make the first administrator. Raises: RateLimited, and as :meth:`AdminSetupService.set_up_admin`."""
    services = services_of(request)
    await services.limits.admin_login(address_of(request))
    await services.of(AdminSetupService).set_up_admin(code, username, password)


def keep_session(request: Request, response: Response, sign_in: SignIn) -> None:
    """Give the browser its session, and what proves its name from now on."""
    base = ADMIN_COOKIE if sign_in.principal.is_admin else SESSION_COOKIE
    _set_cookie(request, response, base, sign_in.token, max_age_s=sign_in.lives_s)
    if sign_in.claim is not None:
        keep_claim(request, response, sign_in.claim)


def keep_claim(request: Request, response: Response, claim: str) -> None:
    """Give the browser what proves its names from now on."""
    _set_cookie(request, response, CLAIM_COOKIE, claim, max_age_s=CLAIM_MAX_AGE_S)


def drop_cookie(request: Request, response: Response, base: str) -> None:
    """Take a cookie from the browser."""
    is_secure = request.url.scheme == "https"
    response.delete_cookie(cookie_name(base, is_secure=is_secure), secure=is_secure, httponly=True, samesite="lax")


def _set_cookie(request: Request, response: Response, base: str, value: str, *, max_age_s: float) -> None:
    is_secure = request.url.scheme == "https"
    response.set_cookie(
        cookie_name(base, is_secure=is_secure),
        value,
        max_age=int(max_age_s),
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )
