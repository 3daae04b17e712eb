"""What a v1 answer tells about itself: three levels of facts, of the sizes that the real bots send."""

import hashlib
import re
from array import array
from collections import Counter
from enum import StrEnum

from sample_bot.bot import Incoming, Reply
from sample_bot.contract import Json, utc_timestamp

# Source: the named vectors of a v1 memory point, see the bot contract.
_VECTOR_SIZE = 384
_VECTOR_NAMES = ("content", "emotion", "semantic")
_MAX_TOPICS = 10


class MetadataLevel(StrEnum):
    """How much the caller wants: nothing, 5-10 KB, 20-50 KB."""

    BASIC = "basic"
    STANDARD = "standard"
    EXTENDED = "extended"


def reply_metadata(incoming: Incoming, reply: Reply, level: MetadataLevel, *, engine: str) -> Json:
    """Fields to add to an answer at this level."""
    if level is MetadataLevel.BASIC:
        return {}
    metadata: Json = {
        "ai_components": {
            "engine": engine,
            "topics": _topics(incoming, reply),
            "content_vector": _vector(incoming.message),
        },
        "security_validation": {
            "message_length": len(incoming.message),
            "is_printable": incoming.message.isprintable(),
        },
        "context_detection": {"is_first_message": not reply.history, "turns_remembered": len(reply.history)},
    }
    if level is MetadataLevel.STANDARD:
        return {"metadata": metadata}
    metadata["vector_memory"] = {
        role: {name: _vector(f"{name}:{text}") for name in _VECTOR_NAMES}
        for role, text in (("message", incoming.message), ("reply", reply.text))
    }
    metadata["conversation"] = [
        {"at": utc_timestamp(turn.at), "message_length": len(turn.message), "reply_length": len(turn.reply)}
        for turn in reply.history
    ]
    return {"metadata": metadata, "user_facts": _user_facts(reply), "relationship_metrics": _relationship(reply)}


def _vector(text: str) -> list[float]:
    """Stand in for an embedding: equal texts give equal vectors, and nothing more is meant."""
    digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(4 * _VECTOR_SIZE)
    return [round(number / 2**32, 9) for number in array("I", digest)]


def _topics(incoming: Incoming, reply: Reply) -> list[str]:
    said = " ".join([*(turn.message for turn in reply.history), incoming.message]).lower()
    words = Counter(re.findall(r"[^\W\d_]{4,30}", said))
    return [word for word, _ in words.most_common(_MAX_TOPICS)]


def _user_facts(reply: Reply) -> Json:
    facts: Json = {"interaction_count": len(reply.history) + 1}
    if reply.history:
        facts["first_interaction"] = utc_timestamp(reply.history[0].at)
        facts["last_interaction"] = utc_timestamp(reply.history[-1].at)
    return facts


def _relationship(reply: Reply) -> Json:
    """Grow with every turn remembered, up to the real bots' ceilings."""
    turns = len(reply.history)
    return {"affection": min(95, 50 + turns), "trust": min(80, 20 + 2 * turns), "attunement": min(90, 60 + turns)}
