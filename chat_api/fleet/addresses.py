"""Where a bot may be, from what the sources say: a list of base addresses, the likeliest first.

A URL is the operator's word and the only place. A port alone does not say where: on this machine or in a container
whose name is its host. Both are tried where ``BOTS_HOST_MODE`` does not force one; the one that answers is kept.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

HostMode = Literal["auto", "localhost", "container"]
Facts = Mapping[str, str | int]

_HERE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_inside_container(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process runs in a container. Source: the marks that Docker, Podman and systemd-nspawn leave."""
    return bool(environ.get("container")) or any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv"))


def addresses_of(name: str, facts: Facts, *, mode: HostMode, is_inside: bool) -> tuple[str, ...]:
    """Every place where a bot may be; none when neither a URL nor a port is known."""
    if isinstance(facts.get("url"), str):
        return (str(facts["url"]),)
    port = _first_port(facts, "port", "inner_port", "host_port")
    if port is None:
        return ()
    here = [f"http://localhost:{_first_port(facts, 'host_port') or port}"]
    if is_inside:
        here.append(f"http://host.docker.internal:{_first_port(facts, 'host_port') or port}")
    ports = dict.fromkeys(filter(None, (_first_port(facts, "inner_port"), port)))
    there = [f"http://{host}:{inner}" for host in _container_hosts(name, facts) for inner in ports]
    chosen = {
        "localhost": here[:1],
        "container": there,
        "auto": [*there, *here] if is_inside else [*here, *there],
    }[mode]
    return tuple(dict.fromkeys(chosen))


def host_and_port(url: str) -> str:
    """An address as it is compared with others: all names of this machine are one."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    return f"{'localhost' if host in _HERE else host}:{port}{parts.path.rstrip('/')}"


def _container_hosts(name: str, facts: Facts) -> Iterator[str]:
    """Names that a bot has in its compose network. Source: bot contract, "The fleet as its operator has it"."""
    known = [str(facts[key]) for key in ("container_name", "service_name") if key in facts]
    yield from known
    if not known:
        yield f"whisperengine-{name}-bot"
        yield from (name, f"whisperengine-v2-{name}") if facts.get("generation") == "v2" else (f"{name}-bot",)


def _first_port(facts: Facts, *keys: str) -> int | None:
    return next((port for key in keys if isinstance(port := facts.get(key), int)), None)
