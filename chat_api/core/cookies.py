"""The cookies of a browser: HttpOnly, and ``__Host-`` where the connection is encrypted."""

from collections.abc import Mapping

SESSION_COOKIE = "we_session"
ADMIN_COOKIE = "we_admin"
CLAIM_COOKIE = "we_claim"

HOST_PREFIX = "__Host-"


def cookie_name(base: str, *, is_secure: bool) -> str:
    """What a cookie is called on this connection. Source: RFC 6265bis, "__Host-" prefix."""
    return HOST_PREFIX + base if is_secure else base


def read_cookie(cookies: Mapping[str, str], base: str) -> str | None:
    """A cookie's value, whichever of its two names it came under; the protected one first."""
    return cookies.get(HOST_PREFIX + base) or cookies.get(base)
