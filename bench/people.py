"""Users of the product and of what it is compared to, and what they ask for."""

from collections.abc import Sequence

from bench.http import fetch_json, request_bytes

CONTENT = "What do you see down there?"


async def sign_in(port: int, count: int, *, name: str = "bench") -> list[str]:
    """The tokens of ``count`` different users. Raises: Unavailable when one is refused."""
    requests = [request_bytes("POST", "/api/login", body={"username": f"{name}{number}"}) for number in range(count)]
    return [str((await fetch_json(port, request))["session_token"]) for request in requests]


def chats(tokens: Sequence[str], *, bot_name: str) -> list[bytes]:
    """One request to chat for each user."""
    body = {"content": CONTENT, "bot_name": bot_name, "message_type": "text"}
    return [request_bytes("POST", "/api/chat", body=body, token=token) for token in tokens]


def bare_chats(count: int) -> list[bytes]:
    """The same as the bot itself understands it: for the bot, and for proxies that only pass it on."""
    bodies = ({"user_id": f"bench{number}", "message": CONTENT, "context": {}} for number in range(count))
    return [request_bytes("POST", "/api/chat", body=body) for body in bodies]
