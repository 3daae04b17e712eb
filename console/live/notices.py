"""What everybody should know, on top of every page: the announcement, and that the chat is in maintenance.

A page is built with it where there is something to say, and hears of every change on its socket. ``assets/notices.js``
shows it; the pages for visitors without a session ask the API instead.
"""

from html import escape
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson
from nicegui import Client, background_tasks, core, ui

from chat_api.settings.feature_flags import FeatureFlagsService
from chat_api.settings.schemas import Notices, Tone

EVENT: Final = "notices"


class NoticesFeed:
    """One broadcast for each change, to every open page. It lives as long as the service that it listens to."""

    def __init__(self, feature_flags: FeatureFlagsService) -> None:
        self._current = feature_flags.current
        feature_flags.notices.listen(self._take)

    def follow(self, client: Client) -> None:
        """Build a page with what there is to say; after a lost connection it is told again."""
        built_with = self._current()
        is_first = True
        if built_with != Notices():
            content = escape(orjson.dumps(notices_data(built_with)).decode())
            ui.add_head_html(f'<meta name="we-notices" content="{content}">')

        async def connected() -> None:
            nonlocal is_first
            now = self._current()
            if not is_first or now != built_with:
                await core.sio.emit(EVENT, notices_data(now), room=client.id)
            is_first = False

        client.on_connect(connected)

    def _take(self, notices: Notices) -> None:
        background_tasks.create(core.sio.emit(EVENT, notices_data(notices)), name=EVENT)


def notices_feed(feature_flags: FeatureFlagsService) -> NoticesFeed:
    """The one feed of a service."""
    if feature_flags not in _feeds:
        _feeds[feature_flags] = NoticesFeed(feature_flags)
    return _feeds[feature_flags]


def notices_data(notices: Notices) -> dict[str, Any]:
    """As the script reads it, and as the API gives it."""
    said = notices.announcement
    return {
        "announcement": said.text if said else None,
        "tone": said.tone if said else Tone.INFO,
        "maintenance": notices.maintenance,
    }


_feeds: WeakKeyDictionary[FeatureFlagsService, NoticesFeed] = WeakKeyDictionary()
