"""Who a person is for the bots.

A bot knows people by the id that it is sent, and a web account and a Discord account are one person to it exactly when
both ids are the same. So a person with a Discord identity is sent as that, and everybody else under their own id.
Source: bot contract, "Identity".
"""

import re
from dataclasses import dataclass

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.pubsub import PubSub
from chat_api.people import repository as people

# People are merged by an administrator's hand; what another process merged arrives at once, and after this anyway.
KEEP_S = 60.0
MAX_KEPT = 50_000
CHANGED = "people_merged"
# A v1 bot makes the person of a Discord user under the Discord id itself.
SNOWFLAKE = re.compile(r"[0-9]{17,20}")


@dataclass(frozen=True, slots=True)
class BotUser:
    """Who a bot is told that it talks with."""

    user_id: str
    name: str


class BotUsers:
    """Finds the id under which bots know an account, and keeps it for a minute."""

    def __init__(self, database: Database, pubsub: PubSub, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._pubsub = pubsub
        self._clock = clock
        self._known: dict[str, tuple[float, str]] = {}
        pubsub.subscribe(CHANGED, lambda _: self._known.clear())

    async def of(self, user_id: str, name: str) -> BotUser:
        """Who an account is for the bots. Raises: DatabaseUnavailable."""
        return BotUser(await self._id_of(user_id), name)

    async def _id_of(self, user_id: str) -> str:
        now_s = self._clock.monotonic_s()
        known = self._known.get(user_id)
        if known is not None and now_s < known[0]:
            return known[1]
        sent = await people.bot_user(self._database, user_id)
        bot_user_id = sent if SNOWFLAKE.fullmatch(sent) else user_id
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        self._known[user_id] = (now_s + KEEP_S, bot_user_id)
        return bot_user_id

    def changed(self) -> None:
        """People were merged: look again, in every process."""
        self._known.clear()
        self._pubsub.publish(CHANGED, None)
