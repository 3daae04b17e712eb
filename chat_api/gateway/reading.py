"""Reads what clients of language models send: what is harmless is ignored, what cannot be done is refused by name.

A client repeats the whole conversation with each request; the bot remembers it. Only the last turn of the user is used,
so that a system prompt or an earlier turn never becomes a memory. Source: OpenAI, API reference.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from chat_api.core.errors import InvalidInput, MalformedRequest
from chat_api.core.language import _
from chat_api.gateway.schemas import Question, ResponsesQuestion

MAX_USER_CHARS = 256
MAX_CONVERSATION_CHARS = 100
MAX_TURNS = 50_000
SYSTEM_ROLES = frozenset({"system", "developer"})
ROLES = SYSTEM_ROLES | {"user", "assistant", "tool", "function"}
TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal"})
# What Open WebUI calls the requests that it makes for itself, where it says so.
TASKS = frozenset(
    f"{what}_generation" for what in ("title", "tags", "follow_up", "query", "emoji", "autocomplete", "image_prompt")
)


def read_json(body: bytes) -> dict[str, Any]:
    """A body as an object. Raises: MalformedRequest."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MalformedRequest("The body is not valid JSON.") from None
    if not isinstance(read, dict):
        raise MalformedRequest("The body is not a JSON object.")
    return read


def read_chat(body: Mapping[str, Any]) -> Question:
    """A request for a chat completion. Raises: InvalidInput."""
    count = body.get("n")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count != 1):
        raise InvalidInput("only 1: a bot gives one answer", field="n")
    _refuse_forced_tools(body, "tool_choice", harmless={"none", "auto"})
    _refuse_forced_tools(body, "function_call", harmless={"none", "auto"})
    if isinstance(body.get("modalities"), list) and "audio" in body["modalities"]:
        raise InvalidInput("only text", field="modalities")
    text, field = _last_turn(_turns(body.get("messages"), "messages"), "messages")
    options = body.get("stream_options")
    return _question(
        body,
        text,
        field,
        conversation=_metadata(body).get("conversation_id"),
        is_usage_streamed=isinstance(options, Mapping) and options.get("include_usage") is True,
    )


def read_response(body: Mapping[str, Any]) -> ResponsesQuestion:
    """A request for a response, in its text form. Raises: InvalidInput."""
    _refuse_forced_tools(body, "tool_choice", harmless={"none", "auto"})
    if body.get("background") is True:
        raise InvalidInput("an answer can't be fetched later", field="background")
    given = body.get("input")
    if isinstance(given, str):
        text, field = _said(given, "input"), "input"
    else:
        text, field = _last_turn(_turns(given, "input"), "input")
    conversation = body.get("conversation")
    if isinstance(conversation, Mapping):
        conversation = conversation.get("id")
    return ResponsesQuestion(
        question=_question(body, text, field, conversation=conversation or _metadata(body).get("conversation_id")),
        instructions=_optional(body, "instructions"),
        previous_response_id=_optional(body, "previous_response_id"),
        metadata={str(name): str(value) for name, value in _metadata(body).items()},
    )


def _question(
    body: Mapping[str, Any], text: str, field: str, *, conversation: object, is_usage_streamed: bool = False
) -> Question:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise InvalidInput("name a bot, as listed by /v1/models", field="model")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidInput("true or false", field="stream")
    return Question(
        model=model,
        text=text,
        field=field,
        user=_short(body.get("user"), field="user", max_chars=MAX_USER_CHARS),
        conversation=_short(conversation, field="metadata.conversation_id", max_chars=MAX_CONVERSATION_CHARS),
        is_marked_background=_is_marked_background(_metadata(body)),
        is_streamed=stream is True,
        is_usage_streamed=is_usage_streamed,
    )


def _turns(given: object, field: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(given, list) or not given:
        raise InvalidInput("a list of messages, at least one", field=field)
    if len(given) > MAX_TURNS:
        raise InvalidInput(_("at most {count} messages", count=MAX_TURNS), field=field)
    for number, turn in enumerate(given):
        if not isinstance(turn, Mapping):
            raise InvalidInput("an object", field=f"{field}[{number}]")
        kind = turn.get("type", "message")
        # What else the Responses API lists among its input, such as calls of tools, is history to us.
        if kind == "message" and turn.get("role") not in ROLES:
            raise InvalidInput("one of: system, developer, user, assistant, tool", field=f"{field}[{number}].role")
    return given


def _last_turn(turns: Sequence[Mapping[str, Any]], field: str) -> tuple[str, str]:
    """The last turn of a conversation, which has to be the user's, and where it stands. Raises: InvalidInput."""
    for number, turn in enumerate(turns):
        _check_shape(turn.get("content"), f"{field}[{number}].content", is_empty_fine=turn.get("role") != "user")
    last = next((n for n in reversed(range(len(turns))) if turns[n].get("role") not in SYSTEM_ROLES), None)
    if last is None or turns[last].get("role") != "user":
        raise InvalidInput("the last message has to be the user's", field=field)
    place = f"{field}[{last}].content"
    return _said(_joined(turns[last].get("content"), place), place), place


def _check_shape(content: object, field: str, *, is_empty_fine: bool) -> None:
    """A turn that is not sent has to be readable all the same: a client with a fault learns of it at once."""
    if isinstance(content, str) or (content is None and is_empty_fine):
        return
    if not isinstance(content, list):
        raise InvalidInput("a text, or a list of parts", field=field)
    for number, part in enumerate(content):
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise InvalidInput("an object with a type", field=f"{field}[{number}]")
        if part["type"] in TEXT_PARTS and not isinstance(
            part.get("refusal" if part["type"] == "refusal" else "text"), str
        ):
            raise InvalidInput("a text", field=f"{field}[{number}].text")


def _joined(content: object, field: str) -> str:
    """The text of one turn, its parts put together. Raises: InvalidInput, naming the part that the bot cannot take."""
    if isinstance(content, str):
        return content
    texts = []
    for number, part in enumerate(content if isinstance(content, list) else []):
        if part["type"] not in TEXT_PARTS:
            raise InvalidInput("bots take text only", field=f"{field}[{number}]")
        texts.append(part[_text_key(part)])
    return "".join(texts)


def _text_key(part: Mapping[str, Any]) -> str:
    return "refusal" if part["type"] == "refusal" else "text"


def _said(text: str, field: str) -> str:
    if not text.strip():
        raise InvalidInput("there is nothing to say", field=field)
    return text


def _refuse_forced_tools(body: Mapping[str, Any], field: str, *, harmless: set[str]) -> None:
    choice = body.get(field)
    if choice is not None and not (isinstance(choice, str) and choice in harmless):
        raise InvalidInput("bots don't call tools: none or auto", field=field)


def _metadata(body: Mapping[str, Any]) -> Mapping[str, Any]:
    given = body.get("metadata")
    return given if isinstance(given, Mapping) else {}


def _is_marked_background(metadata: Mapping[str, Any]) -> bool:
    mark = metadata.get("background")
    return mark is True or str(mark).lower() in {"true", "1", "yes"} or metadata.get("task") in TASKS


def _optional(body: Mapping[str, Any], field: str) -> str | None:
    given = body.get(field)
    return given if isinstance(given, str) else None


def _short(value: object, *, field: str, max_chars: int) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > max_chars or "\0" in value:
        raise InvalidInput(_("a text of at most {count} characters", count=max_chars), field=field)
    return value
