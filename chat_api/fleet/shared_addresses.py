"""One fault of several bots: they are configured at the same address, where at most one of them can be. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from chat_api.fleet.addresses import host_and_port
from chat_api.fleet.schemas import BotStatus, BotView

PREFIX = "address:"
# As a cause is stored. Source: ``web_alert_subjects.cause``.
MAX_CAUSE_CHARS = 50
_DIGEST_CHARS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedAddress:
    """An address at which several bots are configured; ``misaddressed`` are those that cannot be reached there."""

    address: str
    bots: tuple[BotView, ...]
    misaddressed: tuple[BotView, ...]

    @property
    def cause(self) -> str:
        """The root cause of their trouble; a long address is cut, and told from others by a digest."""
        cause = PREFIX + self.address
        if len(cause) <= MAX_CAUSE_CHARS:
            return cause
        digest = sha256(self.address.encode()).hexdigest()[:_DIGEST_CHARS]
        return f"{cause[: MAX_CAUSE_CHARS - _DIGEST_CHARS - 1]}~{digest}"


def shared_addresses(bots: Iterable[BotView]) -> Mapping[str, SharedAddress]:
    """By cause, every address of several bots."""
    at: dict[str, list[BotView]] = defaultdict(list)
    for bot in bots:
        if bot.url is not None:
            at[host_and_port(bot.url)].append(bot)
    found = (
        SharedAddress(
            address=address,
            bots=tuple(several),
            misaddressed=tuple(bot for bot in several if bot.status is BotStatus.MISADDRESSED),
        )
        for address, several in at.items()
        if len(several) > 1
    )
    return {shared.cause: shared for shared in found}


def address_causes(shared: Mapping[str, SharedAddress]) -> Mapping[str, str]:
    """For each misaddressed bot that shares its address with others, the cause."""
    return {bot.name: cause for cause, one in shared.items() for bot in one.misaddressed}
