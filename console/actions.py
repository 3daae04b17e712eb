"""What a button does: ask a service, as the person of the page, and tell how it went."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from nicegui import Client, ui

from chat_api.core.errors import AppError, NotAuthenticated
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from console.context import services
from console.live.open_pages import open_pages

log = get_logger(__name__)
T = TypeVar("T")


async def run_action(
    principal: Principal, action: Callable[[Principal], Awaitable[T]], *, done: str | None = None
) -> T | None:
    """Call a service from an event handler of a page that was built for ``principal``.

    The session and its role are read again first: a page may be older than what its person may do. An error of ours
    is shown with its public message, any other only with a reference to the log. Returns: the service's answer, or
    ``None`` when there was an error.
    """
    client = ui.context.client
    try:
        person = await open_pages().principal(principal)
        if person is None:
            raise NotAuthenticated
        await services().limits.hit(person.user_id)
        answer = await action(person)
    except NotAuthenticated:
        await open_pages().end(client)
        return None
    except AppError as error:
        _notify(client, error.message, type="negative")
        return None
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("action_failed", path=client.page.path, reference=reference)
        message = _("Something went wrong on our side. Reference: {reference}", reference=reference)
        _notify(client, message, type="negative")
        return None
    if done is not None:
        _notify(client, done, type="positive")
    return answer


def _notify(client: Client, message: str, *, type: Literal["positive", "negative"]) -> None:
    """Tell the page: what was pressed may be gone by now, such as the dialog that it stood in."""
    with client:
        ui.notify(message, type=type)
