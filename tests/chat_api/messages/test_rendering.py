"""Whatever a user or a bot writes comes out as a little harmless HTML, in bounded time."""

import asyncio
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_api.messages import rendering
from chat_api.messages.rendering import ALLOWED_ATTRIBUTES, ALLOWED_SCHEMES, ALLOWED_TAGS, render, render_all

HOSTILE = {
    "brackets": "[" * 10_000 + "]" * 10_000,
    "quotes": "> " * 10_000 + "x",
    "pictures": "![a](" * 5_000,
    "emphasis": "*a **b " * 5_000,
    "underscores": "*a_ " * 10_000,
    "list": "".join(" " * (2 * depth) + "- x\n" for depth in range(250)),
    "backticks": " ".join("`" * count for count in range(1, 250)),
    "table": "|a|b|\n|-|-|\n" + "|x|y|\n" * 8_000,
    "wide table": "|" * 9_000 + "\n" + "|-" * 9_000 + "|\n" + "|x" * 9_000,
    "autolinks": "<http://a" * 5_000,
    "angles": "<" * 40_000,
    "strikes": "~~a" * 15_000,
    "huge": "a *b* " * 100_000,
}
# Pieces that mean something to Markdown, to HTML or to a reader.
MARKDOWN = st.sampled_from(
    ["*", "**", "_", "~~", "`", "```", "> ", "- ", "1. ", "# ", "|", "|-|", "[", "](", ")", "!["]
)
MARKUP = st.sampled_from(
    ["<", ">", "</", "<script>", "<!--", "-->", "<img src=x onerror=alert(1)>", "<a href=", '"', "&#x"]
)
TARGETS = st.sampled_from(["javascript:alert(1)", "data:text/html,", "https://a.b", "vbscript:", "//evil", "onclick="])
CHARACTERS = st.sampled_from(["\n", "\n\n", "    ", "\t", "'", "\\", "\u202e", "\u2066", "\x00", "\ud800", "\u200f"])
PIECES = MARKDOWN | MARKUP | TARGETS | CHARACTERS | st.text(max_size=8)
TEXTS = st.lists(PIECES, max_size=60).map("".join)


class Reader(HTMLParser):
    """What a browser would find in some HTML."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.comments: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note what is read."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """Note what is hidden."""
        self.comments.append(data)


def assert_harmless(markup: str) -> None:
    """Only allowed tags and attributes, links that lead to the web, and nothing hidden."""
    reader = Reader(markup)
    assert not reader.comments
    for tag, attributes in reader.tags:
        assert tag in ALLOWED_TAGS
        assert set(attributes) <= ALLOWED_ATTRIBUTES.get(tag, set()) | ({"rel", "target"} if tag == "a" else set())
        if tag == "a":
            assert attributes["rel"] == "noopener noreferrer nofollow"
            assert attributes["target"] == "_blank"
            assert urlsplit(attributes.get("href") or "https:").scheme in ALLOWED_SCHEMES


@settings(deadline=None, max_examples=200)
@given(TEXTS)
def test_any_text_becomes_harmless_html(text: str) -> None:
    """No text raises, and nothing but the allow-list comes out."""
    assert_harmless(rendering._render(text))
    assert_harmless(rendering.plain(text))


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_is_shown_while_the_loop_runs(name: str) -> None:
    """Text made to exhaust a parser is answered, shows its content, and other tasks go on meanwhile."""
    turns = 0

    async def live() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(live())
    markup = await render(HOSTILE[name])
    other.cancel()
    assert turns > 1
    assert Reader(markup).text.strip()
    assert_harmless(markup)


async def test_what_exhausts_the_parser_is_shown_as_plain_text() -> None:
    """The fallback is the whole text, escaped, not a part of it."""
    for text in (HOSTILE["brackets"], HOSTILE["quotes"], HOSTILE["list"], HOSTILE["huge"]):
        assert Reader(await render(text)).text.split() == text.split()


async def test_markdown_is_rendered() -> None:
    """Emphasis, lists, tables, strikethrough, code and single line breaks look as their author meant."""
    markup = await render("**b** *i* ~~s~~ `c`\nnext\n\n- one\n\n| h |\n|---|\n| d |\n\n```python\nx < 1\n```")
    assert "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code><br>" in markup
    assert "<li>one</li>" in markup
    assert "<td>d</td>" in markup
    assert '<pre><code class="language-python">x &lt; 1\n</code></pre>' in markup


async def test_markup_is_text() -> None:
    """HTML in a message is shown, comments included, not obeyed."""
    text = "<script>alert(1)</script> <img src=x onerror=alert(1)> <!-- c --> <b>x</b>"
    reader = Reader(await render(text))
    assert reader.text == text
    assert [tag for tag, _ in reader.tags] == ["p"]


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "/admin", "//e.x"]
)
async def test_links_lead_to_the_web_only(target: str) -> None:
    """No scripts, no embedded documents, nothing relative to our own pages."""
    markup = await render(f"[x]({target}) [y](<{target}>) <{target}>")
    assert all(not attributes.get("href") for _, attributes in Reader(markup).tags)


async def test_links_tell_nobody_where_they_were_clicked() -> None:
    """A link opens apart, and a picture is a link that loads nothing by itself."""
    markup = await render('[x](https://a.b "t") ![cat](https://a.b/cat.png) ![](https://a.b/c.png)')
    assert_harmless(markup)
    assert "<img" not in markup
    assert [attributes["href"] for tag, attributes in Reader(markup).tags if tag == "a"] == [
        "https://a.b",
        "https://a.b/cat.png",
        "https://a.b/c.png",
    ]
    assert Reader(markup).text == "x cat image"


async def test_direction_marks_are_removed() -> None:
    """A text cannot turn around what stands after it."""
    assert await render("a\u202egpj.exe\u2066b") == "<p>agpj.exeb</p>"


async def test_a_text_that_markdown_hides_is_shown() -> None:
    """A link definition alone is no empty bubble."""
    assert "https://a.b" in await render("[x]: https://a.b")


async def test_texts_keep_their_order_and_a_second_look_is_the_same() -> None:
    """Known and new texts, mixed, come back in place."""
    first = await render_all(["one", "two"])
    assert first == ["<p>one</p>", "<p>two</p>"]
    assert await render_all(["three", "two", "three"]) == ["<p>three</p>", "<p>two</p>", "<p>three</p>"]


def test_the_cache_is_bounded() -> None:
    """It forgets what was not used for longest, by number and by size."""
    cache = rendering._Cache(max_entries=2, max_chars=10)
    cache.put(b"a", "x")
    cache.put(b"b", "x")
    assert cache.get(b"a")
    cache.put(b"c", "x")
    assert cache.get(b"b") is None
    cache.put(b"d", "x" * 10)
    assert (cache.get(b"a"), cache.get(b"d")) == (None, "x" * 10)
    cache.put(b"d", "y")
    cache.put(b"e", "x" * 9)
    assert cache.get(b"d") == "y"
