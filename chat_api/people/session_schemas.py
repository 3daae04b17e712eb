"""The result of signing in."""

from dataclasses import dataclass
from datetime import datetime

from chat_api.core.principals import Principal

MAX_PASSWORD_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A new session: the token is shown once and only its hash is kept.

    ``expires_at`` is by the database's clock; for others, ``lives_s`` says how long the session lasts from now.
    ``claim`` is what the browser's claim cookie holds from now on.
    """

    principal: Principal
    token: str
    expires_at: datetime
    lives_s: float
    claim: str | None = None
