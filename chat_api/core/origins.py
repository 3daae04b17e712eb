"""Web origins as they compare: scheme, host and port, whatever way they are written."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
_OF_SOCKETS = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One origin. Equal when a browser takes two of them for the same. Source: RFC 6454."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == DEFAULT_PORTS.get(self.scheme)
        return f"{self.scheme}://{host}" + ("" if is_usual else f":{self.port}")


def web_scheme(scheme: str) -> str:
    """``http`` or ``https`` for a WebSocket's scheme too: both come from the same origin."""
    return _OF_SOCKETS.get(scheme, scheme)


@lru_cache(maxsize=1024)
def parsed_origin(text: str) -> Origin | None:
    """What ``https://Chat.example.org:443`` names; ``None`` for anything that is more, less or something else."""
    if not text.isprintable() or any(character.isspace() or character == "\\" for character in text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    scheme = web_scheme(parts.scheme)
    is_bare = not (parts.path or parts.query or parts.fragment or "?" in text or "#" in text or "@" in parts.netloc)
    host = _canonical_host(parts.hostname or "")
    if not scheme or not is_bare or not host:
        return None
    return Origin(scheme=scheme, host=host, port=DEFAULT_PORTS.get(scheme) if port is None else port)


def _canonical_host(host: str) -> str:
    """In lower case, as it goes over the wire, without the dot of the root; IPv6 in its short form."""
    if ":" in host:
        try:
            return str(IPv6Address(host))
        except ValueError:
            return ""
    try:
        return host.removesuffix(".").encode("idna").decode().lower()
    except UnicodeError:
        return ""
