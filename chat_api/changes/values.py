"""What of a value may be stored: itself where an allow-list has it, else a digest that nobody can try values against.

A plain hash of a weak password is found out by guessing. The digests here are made with a key of this server, which is
not in the database; it is of no use without it, and each name has digests of its own.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

from chat_api.changes.schemas import ChangeKind, Group
from chat_api.core.masking import mask_secrets

DIGEST_CHARS = 16
MAX_NAME_CHARS = 100
MAX_NAMES = 1000
# What bots of both generations are set up with and that is never a secret. Source: bot contract; the projects' own
# templates of .env files.
ALLOWED = frozenset(
    {
        *("API_PORT", "HEALTH_CHECK_PORT", "HEALTH_CHECK_HOST", "PORT", "LOG_LEVEL", "LOG_FORMAT", "DEBUG"),
        *("ENVIRONMENT", "TZ", "DISCORD_BOT_NAME", "BOT_NAME", "CHARACTER_FILE", "PYTHON_VERSION"),
        *("LLM_PROVIDER", "LLM_MODEL_NAME", "LLM_CHAT_MODEL", "LLM_TEMPERATURE", "LLM_MAX_TOKENS_CHAT"),
        *("REFLECTIVE_LLM_PROVIDER", "REFLECTIVE_LLM_MODEL_NAME", "ROUTER_LLM_PROVIDER", "ROUTER_LLM_MODEL_NAME"),
        *("EMBEDDING_MODEL", "QDRANT_HOST", "QDRANT_PORT", "QDRANT_COLLECTION_NAME"),
        *("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "REDIS_HOST", "REDIS_PORT"),
    }
)
_MODEL = re.compile(r"[A-Z0-9_]{0,80}_MODEL(?:_NAME)?")
_SWITCH = re.compile(r"(?:ENABLE|DISABLE|USE)_[A-Z0-9_]{1,80}|[A-Z0-9_]{1,80}_ENABLED")
_SWITCHED = re.compile(r"(?i)true|false|yes|no|on|off|0|1")
# One line of words, names, versions and numbers; an address with credentials has other signs.
_PLAIN = re.compile(r"[\w .,:/@+()\[\]<>=~^*-]{0,200}")

_KINDS: Mapping[Group, ChangeKind] = {
    Group.IMAGE: ChangeKind.IMAGE,
    Group.LIMITS: ChangeKind.SETTING,
    Group.CHARACTER: ChangeKind.CHARACTER,
    Group.MODEL: ChangeKind.MODEL,
    Group.FLAG: ChangeKind.FLAG,
    Group.VERSION: ChangeKind.SETTING,
}


class Values:
    """Turns values into what is stored of them, with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = hmac.new(key, b"id", hashlib.sha256).hexdigest()[:8]

    def hidden(self, name: str, value: str | bytes) -> str:
        """A digest in the place of a value."""
        content = value if isinstance(value, bytes) else value.encode(errors="replace")
        said = name.encode(errors="replace") + b"\0" + content
        return f"#{hmac.new(self._key, said, hashlib.sha256).hexdigest()[:DIGEST_CHARS]}"

    def shown(self, name: str, value: str) -> str:
        """A value whose name says that it is no secret; hidden all the same when it looks like one."""
        is_plain = _PLAIN.fullmatch(value) and mask_secrets(f"{name}={value}") == f"{name}={value}"
        return f"={value}" if is_plain and mask_secrets(value) == value else self.hidden(name, value)

    def variable(self, name: str, value: str) -> str:
        """A value of an environment: shown where the allow-list has its name, or it is a switch."""
        is_switch = _SWITCH.fullmatch(name) and _SWITCHED.fullmatch(value)
        return self.shown(name, value) if name in ALLOWED or is_switch else self.hidden(name, value)


def _kind_of_variable(name: str) -> ChangeKind:
    """What a variable of an environment is about: v1 bots have their models and switches nowhere else."""
    if _MODEL.fullmatch(name):
        return ChangeKind.MODEL
    return ChangeKind.FLAG if _SWITCH.fullmatch(name) else ChangeKind.ENVIRONMENT


def kind_of(group: Group, name: str) -> ChangeKind:
    """What kind of thing a fact is."""
    return _kind_of_variable(name) if group is Group.ENVIRONMENT else _KINDS[group]


def plain(value: str) -> str | None:
    """What can be shown of a stored value; ``None`` for one that is kept back."""
    return value[1:] if value.startswith("=") else None


def named(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Stored values by name; names are others' words: bounded, and nothing in them that PostgreSQL refuses."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if len(found) == MAX_NAMES:
            break
        clean = mask_secrets("".join(char for char in name if char.isprintable()))[:MAX_NAME_CHARS]
        if clean:
            found[clean] = value
    return found
