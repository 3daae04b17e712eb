"""The live log of one bot, for its page."""

from chat_api.core.principals import Permission, Principal
from console.widgets.log_view import LogView


async def bot_logs(principal: Principal, bot_name: str) -> None:
    """Put the log here. Raises: PermissionDenied, NotAuthenticated."""
    principal.require(Permission.VIEW_LOGS)
    LogView(principal, bots=[(bot_name, bot_name)], chosen=[bot_name], is_single=True)
