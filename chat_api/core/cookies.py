"""The cookies of a browser: HttpOnly, and ``__Host-`` where the connection is encrypted."""

from collections.abc import Mapping

SESSION_COOKIE = "we_session"
ADMIN_COOKIE = "we_admin"
CLAIM_COOKIE = "we_claim"

HOST_PREFIX = "__Host-"


def cookie_name(base: str, *, is_secure: bool) -> str:
    """What a cookie is called on this connection. Source: RFC 6265bis, "__Host-" prefix."""
    return HOST_PREFIX + base if is_secure else base


def read_cookie(cookies: Mapping[str, str], base: str, *, is_secure: bool | None = None) -> str | None:
    """A cookie's value, under the name that it has on this connection.

    Where the connection is encrypted the unprotected name does not count: any subdomain can set it. A caller that
    does not know gets whichever is there, the protected one first.
    """
    if is_secure is None:
        return cookies.get(HOST_PREFIX + base) or cookies.get(base)
    return cookies.get(cookie_name(base, is_secure=is_secure))
