"""Keys, tokens and password hashes."""

import hashlib
import hmac
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from chat_api.core.errors import NotAuthenticated
from chat_api.core.settings import Settings
from chat_api.core.state_dir import persistent_secret

KEY_PREFIX = "wk_"
_KEY_CHARS = 43  # of 62 signs: 256 bits
_SIGNS = string.ascii_letters + string.digits
ALGORITHM = "HS256"
MAX_TOKEN_CHARS = 2048
AUDIENCE_CHAT = "chat"
AUDIENCE_ADMIN = "admin"

_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says."""

    subject: str
    session_id: UUID
    audience: str
    expires_at: int


class KeyRing:
    """The keys that tokens are signed and verified with; the first one signs.

    A secret is rotated by putting the new one first and the old one second: nobody is logged out.
    """

    def __init__(self, secret_keys: Sequence[str]) -> None:
        self._keys = {_key_id(secret): secret for secret in secret_keys}
        self._signing_id = _key_id(secret_keys[0])

    def sign(self, *, subject: str, session_id: UUID, audience: str, issued_at: datetime, expires_at: datetime) -> str:
        """Make a JSON Web Token for one session. Times are aware; ``jti`` is the session's id."""
        times = {"iat": int(issued_at.timestamp()), "exp": int(expires_at.timestamp())}
        payload = {"sub": subject, "jti": str(session_id), "aud": audience, **times}
        return jwt.encode(payload, self._keys[self._signing_id], ALGORITHM, headers={"kid": self._signing_id})

    def derived(self, purpose: str) -> bytes:
        """A key for something else than tokens, of the one that signs; it changes when that is replaced."""
        secret = self._keys[self._signing_id].encode()
        return hmac.new(secret, b"purpose:" + purpose.encode(), hashlib.sha256).digest()

    def verify(self, token: str, *, audience: str) -> Claims:
        """Check signature and audience. Raises: NotAuthenticated.

        Not the times: they are those of a clock that may have been set since, on a machine that may not be this one.
        Whether the session still lives, its row says, by the database's clock.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise NotAuthenticated
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(
                token,
                key,
                [ALGORITHM],
                audience=audience,
                options={
                    "require": ["exp", "iat", "sub", "jti", "aud"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            return Claims(
                subject=claims["sub"],
                session_id=UUID(claims["jti"]),
                audience=audience,
                expires_at=claims["exp"],
            )
        except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, RecursionError, AttributeError) as error:
            raise NotAuthenticated from error

    def digests(self, api_key: str) -> list[str]:
        """What is kept of an API key, 64 hex digits, under each of our secrets, the current one first.

        A fast hash: a key is 256 bits by chance, and nobody guesses it whatever a guess costs. Keyed, so that whoever
        can only write into the database cannot put a key there that opens anything.
        """
        value = b"api key:" + api_key.encode(errors="replace")
        return [hmac.new(secret.encode(), value, hashlib.sha256).hexdigest() for secret in self._keys.values()]


def load_key_ring(settings: Settings) -> KeyRing:
    """The ring from the settings; without a configured key, one that is created once in the state directory.

    Raises: StateDirUnusable, SecretKeyUnusable.
    """
    configured = settings.web_ui_secret_key
    current = configured.get_secret_value() if configured else persistent_secret(settings.web_ui_state_dir)
    return KeyRing([current, *(key.get_secret_value() for key in settings.web_ui_previous_secret_keys)])


def _key_id(secret: str) -> str:
    return hashlib.sha256(b"kid:" + secret.encode()).hexdigest()[:12]


def token_hash(token: str) -> str:
    """What is kept of a token or claim: its SHA-256, 64 hex digits."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def new_secret() -> str:
    """A random secret of 256 bits, safe in addresses and cookies."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """A new API key. It can be told by its beginning, also by those who look for secrets in code."""
    return KEY_PREFIX + "".join(secrets.choice(_SIGNS) for _ in range(_KEY_CHARS))


def is_api_key(token: str) -> bool:
    """Whether a bearer token is meant as an API key."""
    return token.startswith(KEY_PREFIX)


def hash_password(password: str) -> str:
    """Argon2id, about 50 ms of CPU: call it off the event loop."""
    return _hasher.hash(password)


def is_password(password: str, password_hash: str) -> bool:
    """Check a password against its hash, about 50 ms of CPU: call it off the event loop."""
    try:
        return _hasher.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


# Verified when an account does not exist, so that a stranger cannot time which names do.
# Of a random secret that nobody has; written down, because making one takes as long at every start.
DECOY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$COUQW1QgLlRdSCiVPnjwdQ$rlQ+Qht54hc7LcfRqFILIH8ns+5SVMZJRHGasVY9pw4"
