"""Markdown from users and bots as HTML that a page may show: sanitised, and bounded in size, depth and time.

The text is hostile. markdown-it-py passes no markup through, nh3 lets only an allow-list out, and anything too slow,
too deeply nested or too long is shown as plain text. No text makes these functions raise.
"""

import asyncio
import hashlib
import html
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from chat_api.core.logging import get_logger

log = get_logger(__name__)

MAX_MARKDOWN_CHARS: Final = 50_000
MAX_TOKENS: Final = 20_000
MAX_DEPTH: Final = 40
MAX_CPU_S: Final = 0.25
MAX_BATCH_CPU_S: Final = 1.0
CACHED_TEXTS: Final = 1_024
CACHED_CHARS: Final = 8_000_000

_BLOCKS: Final = frozenset({"p", "hr", "pre", "blockquote", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"})
_TABLES: Final = frozenset({"table", "thead", "tbody", "tr", "th", "td"})
_INLINES: Final = frozenset({"br", "em", "strong", "s", "code", "a"})
ALLOWED_TAGS: Final = _BLOCKS | _TABLES | _INLINES
ALLOWED_ATTRIBUTES: Final = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}}
ALLOWED_SCHEMES: Final = frozenset({"http", "https", "mailto"})
LINK_REL: Final = "noopener noreferrer nofollow"

# Marks that turn the direction of the text after them, so that it reads as something else.
_DIRECTION_MARKS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LANGUAGE = re.compile(r"language-[A-Za-z0-9+#._-]{1,24}")
_DEADLINE = "deadline_s"


class _TooMuch(Exception):
    """This text exceeds a limit and is shown as plain text."""


async def render(text: str) -> str:
    """One text as HTML; see :func:`render_all`."""
    return (await render_all([text]))[0]


async def render_all(texts: Sequence[str]) -> list[str]:
    """Texts as sanitised HTML, in order; rendered off the event loop. No text makes it raise."""
    digests = [hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest() for text in texts]
    known = [_cache.get(digest) for digest in digests]
    missing = [index for index, markup in enumerate(known) if markup is None]
    if missing:
        rendered = await asyncio.to_thread(_render_batch, [texts[index] for index in missing])
        for index, (markup, is_final) in zip(missing, rendered, strict=True):
            known[index] = markup
            if is_final:
                _cache.put(digests[index], markup)
    return [markup or "" for markup in known]


def plain(text: str) -> str:
    """A text as it is, escaped; line breaks stay."""
    return f"<p>{html.escape(_DIRECTION_MARKS.sub('', text)).replace(chr(10), '<br>')}</p>"


def _render_batch(texts: Iterable[str]) -> list[tuple[str, bool]]:
    """The HTML of each text, and whether rendering it again would give the same."""
    end_s = time.thread_time() + MAX_BATCH_CPU_S
    outcomes = []
    for text in texts:
        if time.thread_time() > end_s:
            outcomes.append((plain(text), False))
        else:
            outcomes.append((_render(text), True))
    return outcomes


def _render(text: str) -> str:
    try:
        return _markdown_to_html(_DIRECTION_MARKS.sub("", text))
    except (_TooMuch, RecursionError):
        return plain(text)
    except Exception:  # A bug in the library must only cost one text its formatting, not a page its history.
        log.exception("markdown_failed", message_length=len(text))
        return plain(text)


def _markdown_to_html(text: str) -> str:
    if len(text) > MAX_MARKDOWN_CHARS:
        raise _TooMuch
    env: EnvType = {_DEADLINE: time.thread_time() + MAX_CPU_S}
    tokens = _markdown.parse(text, env)
    _check_shape(tokens)
    markup = nh3.clean(
        _markdown.renderer.render(tokens, _markdown.options, env),
        tags=set(ALLOWED_TAGS),
        attributes=ALLOWED_ATTRIBUTES,
        attribute_filter=_kept_attribute,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        url_schemes=set(ALLOWED_SCHEMES),
        url_relative="deny",
        link_rel=LINK_REL,
    ).strip()
    # Markdown that renders to nothing, such as a lone link definition, is shown as text.
    return markup or plain(text)


def _check_shape(tokens: list[Token]) -> None:
    """Raises: _TooMuch for markup that a browser would choke on.

    The parser's own limit of nesting is higher: it drops text there, and does not count emphasis.
    """
    depth = 0
    for count, token in enumerate(_flat(tokens)):
        depth += token.nesting
        if depth > MAX_DEPTH or count > MAX_TOKENS:
            raise _TooMuch


def _flat(tokens: list[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _kept_attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "code" and name == "class":
        return value if _LANGUAGE.fullmatch(value) else None
    return value


def _check_inline_time(state: StateInline, silent: bool) -> bool:
    _check_time(state.env)
    return False


def _check_block_time(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    _check_time(state.env)
    return False


def _check_time(env: EnvType) -> None:
    # CPU time of this thread, so that a busy machine does not turn good text into plain text.
    if time.thread_time() > env[_DEADLINE]:
        raise _TooMuch


def _image_as_link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType
) -> str:
    """A picture is only named and linked: loading it would tell its host who reads this, and when."""
    token = tokens[index]
    label = html.escape(token.content or "image")
    return f'<a href="{html.escape(str(token.attrGet("src") or ""))}">{label}</a>'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False, "maxNesting": 3 * MAX_DEPTH})
    parser.enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image_as_link)
    # A rule that never matches runs at every token, so it can check the clock.
    parser.inline.ruler.before("text", "deadline", _check_inline_time)
    parser.block.ruler.before("table", "deadline", _check_block_time, {"alt": ["paragraph", "reference", "blockquote"]})
    parser.render("")  # The rules are compiled at first use, which two threads must not do at once.
    return parser


class _Cache:
    """The most recently used HTML, bounded in entries and in characters."""

    def __init__(self, *, max_entries: int, max_chars: int) -> None:
        self._max_entries = max_entries
        self._max_chars = max_chars
        self._entries: OrderedDict[bytes, str] = OrderedDict()
        self._chars = 0
        self._lock = threading.Lock()

    def get(self, key: bytes) -> str | None:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: bytes, markup: str) -> None:
        with self._lock:
            self._chars += len(markup) - len(self._entries.pop(key, ""))
            self._entries[key] = markup
            while len(self._entries) > self._max_entries or self._chars > self._max_chars:
                self._chars -= len(self._entries.popitem(last=False)[1])


_markdown = _parser()
_cache = _Cache(max_entries=CACHED_TEXTS, max_chars=CACHED_CHARS)
