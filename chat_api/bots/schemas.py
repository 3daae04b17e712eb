"""What is known about a bot: how the fleet describes it, how it feels, and what it answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Contract = Literal["v1", "v2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSpec:
    """One bot of the fleet.

    ``name`` is the key everywhere (lower case), ``url`` the base address without a trailing slash, ``sources`` who
    described it, lowest precedence first. ``addresses`` are all places where it may be, ``url`` the one in use.
    ``address_origin`` is where its address is written down, for who has to correct it. ``aliases`` are its other names,
    folded. ``declared_by`` are the sources that make it exist now; a bot without any is only remembered.
    ``timeout_s`` is how long it may take to answer a message, where somebody decided that for this bot.
    """

    name: str
    display_name: str
    url: str
    description: str = ""
    emoji: str = ""
    port: int | None = None
    container_name: str | None = None
    model: str | None = None
    sources: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    address_origin: str = ""
    aliases: frozenset[str] = frozenset()
    declared_by: tuple[str, ...] = ()
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discord:
    """A bot's connection to Discord: v1 also tells its ``account``, how many servers (``guilds``) and the gateway's
    latency.
    """

    is_connected: bool
    account: str | None = None
    guilds: int | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One look at a bot's health.

    ``latency_ms`` is the round trip of ``GET /health``; ``is_ready`` and ``discord`` are unknown (None) where the bot
    does not tell; ``error`` is for operators and never holds a bot's own words. ``url`` is the address that was asked.
    """

    bot_name: str
    is_healthy: bool
    checked_at: datetime
    latency_ms: float | None = None
    contract: Contract | None = None
    is_ready: bool | None = None
    discord: Discord | None = None
    error: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotInfo:
    """What a bot says about itself; ``facts`` is what else it said, as far as it is small.

    ``said_names`` is what it calls itself, ``url`` where it was asked.
    """

    bot_name: str
    contract: Contract
    engine: str | None = None
    model: str | None = None
    version: str | None = None
    capabilities: tuple[str, ...] = ()
    uptime_s: float | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    said_names: tuple[str, ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAnswer:
    """A text that a user can be shown.

    ``bot_name`` is our key, ``said_name`` the name in the answer. ``is_apology``: the bot failed, but in character.
    ``is_model_silent``: it shows that its language model did not answer; that is an apology too.
    ``is_silent``: the bot chose to say nothing, and there is no text. ``is_truncated``: it came in pieces and broke
    off. ``is_memory_refused``: it says that it stored none. ``processing_time_s`` is measured here, from the call to
    the last byte.
    """

    text: str
    bot_name: str
    processing_time_s: float
    is_apology: bool = False
    is_model_silent: bool = False
    is_silent: bool = False
    is_truncated: bool = False
    memory_stored: bool = False
    is_memory_refused: bool = False
    metadata: Mapping[str, object] = field(default_factory=dict)
    said_name: str | None = None
    contract: Contract | None = None
