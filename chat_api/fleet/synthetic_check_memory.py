"""Erases what a bot remembers of synthetic checks, where it can be asked to. What fails is a note, and no more."""

from chat_api.bots.connector import BotConnector
from chat_api.bots.knowledge_answers import NotOffered
from chat_api.bots.schemas import BotSpec
from chat_api.core.errors import AppError, ShuttingDown
from chat_api.core.language import N_
from chat_api.core.logging import get_logger

log = get_logger(__name__)

PARTS = ("memories", "trust", "knowledge")
NOT_ERASED = N_("its memory of the check could not be erased")
NOT_OFFERED = N_("it can't erase its memory of the check")


class CheckMemory:
    """Through the bots themselves, which reach all their stores."""

    def __init__(self, connector: BotConnector) -> None:
        self._connector = connector

    async def erase(self, bot: BotSpec, user_id: str) -> str | None:
        """Have everything about a user cleared; gives what is to be noted. Never fails.

        The bot calls it a success even where a part failed, so the parts decide; of the knowledge it says how much
        there was, which is nothing for a user that it passes by.
        """
        try:
            cleared = await self._connector.knowledge.clear(bot, user_id, PARTS)
        except NotOffered:
            return NOT_OFFERED
        except ShuttingDown:
            return None
        except AppError as error:
            log.info("synthetic_check_not_erased", bot_name=bot.name, code=error.code)
            return NOT_ERASED
        if cleared.memories and cleared.trust:
            return None
        log.info("synthetic_check_not_erased", bot_name=bot.name, memories=cleared.memories, trust=cleared.trust)
        return NOT_ERASED
