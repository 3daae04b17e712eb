"""Text of others in our documents."""

import pytest
from markdown_it import MarkdownIt

from chat_api.core.markdown import escaped_line, quoted
from chat_api.core.text import with_plain_line_ends


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_line_is_a_line_to_every_reader(end: str) -> None:
    """Each kind of line end is one newline."""
    assert with_plain_line_ends(f"a{end}b") == "a\nb"
    assert quoted(f"a{end}# b") == "> a  \n> \\# b  "


@pytest.mark.parametrize(
    "text", ["# a", "![x](http://e.x/p.png)", "<script>", "a\n===", "1. a", "    a", "www.e.x", "* a"]
)
def test_a_quotation_is_text(text: str) -> None:
    """Rendered, it is one paragraph that shows what was written."""
    html = MarkdownIt("commonmark").render(quoted(text))
    assert html.startswith("<blockquote>\n<p>")
    assert html.count("<") == 4 + html.count("<br")
    assert "<" not in MarkdownIt("commonmark").renderInline(escaped_line(text))
