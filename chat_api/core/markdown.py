"""Text of others inside a Markdown document of ours: it means nothing there, and is read as it was written."""

import re

from chat_api.core.text import with_plain_line_ends

# What could begin markup, HTML, a link or a formula anywhere in a line. Source: CommonMark, section 2.4; GFM, 6.9.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&:@=$^\"'])")
_ESCAPE = r"\\\1"
_INDENT = re.compile(r"^[ \t]+")


def escaped_line(text: str) -> str:
    """Text in one line, without a meaning in Markdown."""
    return _MARKUP.sub(_ESCAPE, " ".join(text.split()))


def quoted(text: str) -> str:
    """Text of several lines as a quotation: no line of it leaves the quotation, or means anything in it."""
    lines = with_plain_line_ends(text).split("\n")
    # Blanks at a line's beginning would make it code, in which a backslash is shown.
    shown = (_INDENT.sub(lambda blanks: "\u00a0" * len(blanks[0]), line.rstrip()) for line in lines)
    # Two blanks at its end keep a line a line of its own when it is rendered.
    return "\n".join(f"> {_MARKUP.sub(_ESCAPE, line)}  " if line else ">" for line in shown)
