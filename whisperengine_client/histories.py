"""Reading histories over REST: page by page, and what a stream has missed."""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from whisperengine_client.errors import NotFound
from whisperengine_client.events import Event, Resynced
from whisperengine_client.frames import event_of_line, failure_of_line
from whisperengine_client.http import Http
from whisperengine_client.values import Line, Position, conversation_of, line_of

PAGE = 200  # The most that the API gives at once.


async def history(http: Http, bot_name: str, *, before: int | None = None, page: int = PAGE) -> AsyncIterator[Line]:
    """One conversation, newest first. Raises: NotFound (bot)."""
    path = f"/api/conversations/{quote(bot_name, safe='')}/messages"
    while True:
        params = {"limit": page} | ({} if before is None else {"before": before})
        body = await http.call("GET", path, params=params)
        for line in body["messages"]:
            yield line_of(line)
        before = body["next_before"]
        if before is None:
            return


async def message(http: Http, message_id: str) -> Line:
    """One message. Raises: NotFound."""
    return line_of(await http.call("GET", f"/api/messages/{quote(message_id, safe='')}"))


async def missed_events(
    http: Http, known: Position, target: Position, unanswered: Mapping[str, str | None]
) -> list[Event]:
    """What happened from ``known`` to ``target``, as far as histories tell it, in order; all of it in memory.

    ``unanswered``: the messages whose answer or failure is still awaited, with their ``client_msg_id``.
    """
    is_new_stream = known.epoch != target.epoch or target.seq < known.seq
    lines = await _missed_lines(http, after=0 if is_new_stream else known.seq, up_to=target.seq)
    client_ids = dict(unanswered) | {line.message_id: line.client_msg_id for line in lines if line.role == "user"}
    told = {line.reply_to or line.message_id for line in lines}
    older = [await _line(http, message_id) for message_id in unanswered if message_id not in told]
    return [
        Resynced(epoch=target.epoch, seq=target.seq, is_new_stream=is_new_stream),
        *(event_of_line(line, client_msg_id=client_ids.get(line.reply_to or line.message_id)) for line in lines),
        *(failure for line in (*lines, *older) if line is not None and (failure := failure_of_line(line))),
    ]


async def _missed_lines(http: Http, *, after: int, up_to: int) -> list[Line]:
    missed: list[Line] = []
    for entry in (await http.call("GET", "/api/conversations"))["conversations"]:
        conversation = conversation_of(entry)
        if conversation.last_message.seq > after:
            missed += [line async for line in _newer(http, conversation.bot_name, after) if line.seq <= up_to]
    return sorted(missed, key=lambda line: line.seq)


async def _newer(http: Http, bot_name: str, after: int) -> AsyncIterator[Line]:
    try:
        async for line in history(http, bot_name):
            if line.seq <= after:
                return
            yield line
    except NotFound:
        return  # the bot has left the fleet, and its history cannot be read any more


async def _line(http: Http, message_id: str) -> Line | None:
    try:
        return await message(http, message_id)
    except NotFound:
        return None  # it was deleted
