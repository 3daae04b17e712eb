"""The fleet as the chat API gives it."""

from chat_api.fleet.service import PublicBot
from chat_api.http.base_models import Answer


class BotList(Answer):
    """The fleet."""

    bots: tuple[PublicBot, ...]
