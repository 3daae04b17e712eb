"""Requests that a client makes for itself: titles, tags, follow-ups. No person said them, and no bot should remember.

Known by how the prompts of well-known clients begin. A person's own words that resemble them are a matter of taste;
the patterns ask for a conversation as the subject, which people do not ask for in these words.
"""

import re

from chat_api.core.principals import KeyGrant
from chat_api.gateway.schemas import Question
from models import BackgroundMode

# Looked for at the beginning only, so that no text, however long, costs much.
MAX_LOOKED_AT = 600
_SUBJECT = r"(?:conversation|chat(?: history| messages?)?|dialogue|discussion|messages?)\b"
_PATTERNS = re.compile(
    "|".join(
        (
            # Open WebUI: titles, tags, follow-ups, queries, emoji, autocompletion.
            r"### Task:\s",
            # LibreChat.
            r"(?:please )?(?:generate|provide|create|write) a (?:short|concise|brief)[^\n]{0,60}\btitle\b[^\n]{0,80}"
            + _SUBJECT,
            # NextChat, Jan, Lobe Chat, Cherry Studio.
            r"please generate a four to five word title summarizing our conversation",
            r"(?:please )?(?:summari[sz]e|name) (?:this|the|our) (?:" + _SUBJECT + r")[^\n]{0,80}\b(?:title|words)\b",
            r"you are a (?:professional )?(?:conversation|chat|title)[^\n]{0,40}(?:summari[sz]er|generator)",
            # Chatbox.
            r"based on the chat history, give this conversation a name",
        )
    ),
    re.IGNORECASE,
)


def is_background(question: Question, key: KeyGrant) -> bool:
    """Whether a request is to be answered without history and memory: by its key, its own words, or its pattern."""
    if key.background is BackgroundMode.ALL or question.is_marked_background:
        return True
    if key.background is BackgroundMode.NONE:
        return False
    return _PATTERNS.match(question.text.lstrip()[:MAX_LOOKED_AT]) is not None


def shortened(text: str, *, max_chars: int) -> str:
    """A prompt as far as a bot takes it, without its middle: what is to be done stands at its beginning or its end."""
    if len(text) <= max_chars:
        return text
    head = max_chars // 2
    return f"{text[: head - 2]}\n…\n{text[len(text) - (max_chars - head) + 1 :]}"
