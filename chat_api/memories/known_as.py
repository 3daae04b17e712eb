"""Under which ids bots may know a person: what they are sent now, and what was sent before."""

from chat_api.core.database import Database
from chat_api.memories import repository as memories
from chat_api.people.bot_users import SNOWFLAKE, BotUsers
from chat_api.people.service import found

# A person with more identities than that is asked about under the first ones.
MAX_IDS = 8


class KnownAs:
    """Finds the ids of one person."""

    def __init__(self, database: Database, bot_users: BotUsers) -> None:
        self._database = database
        self._bot_users = bot_users

    async def own(self, user_id: str) -> tuple[str, ...]:
        """What an account sees as its own: the id that bots are sent for it now, and its own from before.

        Not those of other accounts of the same person: their conversations are apart, too.
        """
        return tuple(dict.fromkeys([await self._now(user_id), user_id]))

    async def of(self, user_id: str) -> tuple[str, ...]:
        """All of a person's, those of accounts that were merged into them included. Raises: NotFound."""
        earlier = await self.to_erase(user_id)
        return tuple(dict.fromkeys([await self._now(user_id), *earlier]))[:MAX_IDS]

    async def to_erase(self, user_id: str) -> tuple[str, ...]:
        """The same without what belongs to a person whom this one is only a part of. Raises: NotFound."""
        async with self._database.read() as connection:
            await found(connection, user_id)
            known = await memories.known_as(connection, user_id, snowflake=SNOWFLAKE.pattern, limit=MAX_IDS)
        return tuple(known) or (user_id,)

    async def _now(self, user_id: str) -> str:
        return (await self._bot_users.of(user_id, "")).user_id
