"""Secrets out of text that others wrote: a bot's log, a container's environment and command.

For our own lines see ``core/logging.py``; what a bot prints is less tame, so that more is recognised here.
"""

import re

from chat_api.core.logging import redact

MASK = "[redacted]"
_REVEALING_WORDS = (
    r"(?:api[_-]?key|access[_-]?key|private[_-]?key|secret|token|passw(?:or)?d|passphrase|pwd|credential|auth)"
)
# A name that says so, and what is assigned to it: FOO_API_KEY=…, "password": "…", --token …, Authorization: Basic ….
_ASSIGNED = re.compile(
    rf"(?i)([\w.-]{{0,60}}{_REVEALING_WORDS}[\w.-]{{0,30}}[\"']?\s{{0,3}}(?:[=:]|=>)\s{{0,3}}"
    r"(?:(?:basic|bot|bearer)\s+)?)(\"[^\"]*\"|'[^']*'|[^\s,;&\"'}\])]+)"
)
_OPTION = re.compile(rf"(?i)(--?[\w-]{{0,40}}{_REVEALING_WORDS}[\w-]{{0,20}}\s{{1,3}})(?!-)(\S+)")
_SHAPES = re.compile(
    r"[MNO][A-Za-z\d_-]{23,27}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,45}"  # a Discord bot's token
    r"|(?<=discord\.com/api/webhooks/)\d+/[\w-]+"
    r"|\bgh[pousr]_[A-Za-z\d]{20,}|\bgithub_pat_\w{20,}|\bAKIA[A-Z\d]{16}\b|\bhf_[A-Za-z\d]{20,}|\bAIza[\w-]{30,}"
    r"|(?<=://)[^\s/@:]{0,100}:[^\s/@]{1,200}(?=@)"  # the user and password of a DSN
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
)
# Only a line with one of these can hold a secret that we know: most lines do not, and are then not searched at all.
_HINT = re.compile(
    rf"(?i){_REVEALING_WORDS}|bearer|eyJ|://[^\s/]{{0,300}}@|webhooks/|/ws/|client_id|PRIVATE KEY"
    r"|(?-i:[MNO][A-Za-z\d_-]{23,27}\.|\b(?:sk|wk|xox|gh[pousr]|AKIA|hf_|AIza))"
)
# What is configuration and never a secret; every other value of a container's environment is kept back.
_HARMLESS_NAMES = frozenset(
    {
        *("PATH", "HOME", "HOSTNAME", "LANG", "LANGUAGE", "LC_ALL", "TZ", "TERM", "PORT", "DEBUG", "ENVIRONMENT"),
        *("LOG_LEVEL", "LOG_FORMAT", "HEALTH_CHECK_PORT", "HEALTH_CHECK_HOST", "DISCORD_BOT_NAME", "CHARACTER_FILE"),
        *("PYTHONUNBUFFERED", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHON_VERSION", "GPG_KEY", "BOT_NAME"),
        *(
            "LLM_CHAT_MODEL",
            "LLM_MODEL_NAME",
            "EMBEDDING_MODEL",
            "QDRANT_HOST",
            "QDRANT_PORT",
            "QDRANT_COLLECTION_NAME",
        ),
        *("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "REDIS_HOST", "REDIS_PORT"),
    }
)


def mask_secrets(text: str) -> str:
    """The same text with tokens, passwords, keys and the credentials of addresses masked."""
    if _HINT.search(text) is None:
        return text
    text = _SHAPES.sub(MASK, redact(text))
    text = _ASSIGNED.sub(_masked_value, text)
    return _OPTION.sub(rf"\1{MASK}", text)


def is_harmless_name(name: str) -> bool:
    """Whether the value of this environment variable may be shown."""
    return name in _HARMLESS_NAMES


def _masked_value(found: re.Match[str]) -> str:
    value = found[2]
    if value in {"null", "None", "true", "false", '""', "''"} or value.startswith(MASK[:-1]):
        return found[0]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found[1]}{quote}{MASK}{quote}"
