"""What bots say when they could not think: their stock apologies, and the errors of language models.

A bot of the second generation answers 200 with one of them while its language model is dead; one of the first may as
well. Operators know what their own bots say, and add to it: ``BOT_APOLOGY_PATTERNS``.
"""

import re

from chat_api.core.patterns import compiled_pattern

# Source: WhisperEngine v2, agents/engine.py and master_graph.py; v1, core/message_processor.py and llm/llm_client.py.
STOCK = (
    r"i'm having a bit of trouble thinking( clearly)? right now\.( could you try rephrasing that\?)?",
    r"i'm having a bit of trouble processing that( right now)?\.( could you say it again\?| please try again later\.)?",
    r"i'm experiencing high demand right now\. please try again in a moment\.",
    r"i'm having connection issues right now\. please try again\.",
    r"i apologize, but i'm having trouble generating a response right now\. please try again\.",
    r"i apologize, but i'm experiencing technical difficulties\. please try again\.",
    r"i apologize, but i encountered an error processing your message\.( please try again\.)?",
    r"sorry, i'm having trouble processing your request\. (local llm|llama-cpp-python) error: .*",
)
# Nobody apologises at such a length.
MAX_APOLOGY_CHARS = 500
_STOCK = compiled_pattern("|".join(STOCK))
# What exceptions say that come from a language model: it cannot be reached, is not paid, or has had enough.
_MODEL_ERROR = re.compile(
    r"\bLLM\w*Error\b|payment required|insufficient[ _](credits|quota|balance|funds)|rate limit exceeded"
    r"|(HTTP error|error code|status code):? ?(401|402|403|429)\b|exceeded your current quota",
    re.IGNORECASE,
)


class Apologies:
    """The stock apologies, and those that operators added by one pattern for whole answers."""

    def __init__(self, pattern: str = "") -> None:
        """Raises: ValueError for a pattern that is none."""
        self._more = compiled_pattern(pattern) if pattern else None

    def has(self, text: str) -> bool:
        """Whether an answer is one of them and nothing else."""
        said = text.strip().replace("\u2019", "'")
        if not said or len(said) > MAX_APOLOGY_CHARS:
            return False
        return bool(_STOCK.fullmatch(said) or (self._more is not None and self._more.fullmatch(said)))


def is_model_error(text: str) -> bool:
    """Whether what an exception says comes from a language model."""
    return _MODEL_ERROR.search(text) is not None
