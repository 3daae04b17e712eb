"""The fleet over the API: the same that the pages show."""

import csv
import io

from models import Role
from tests.support.api import RunningApi
from tests.support.shared_api import assert_error


async def test_the_fleet_as_json_and_as_csv(door: RunningApi, tokens: dict[str, str]) -> None:
    """Every bot with its figures; a viewer may, and both formats tell the same."""
    async with door.client(tokens[Role.VIEWER]) as client:
        changed = (await client.get("/api/admin/bots")).json()
        sheet = await client.get("/api/admin/bots", params={"format": "csv"})
        odd = await client.get("/api/admin/bots", params={"format": "xml"})
    assert [bot["name"] for bot in changed["bots"]] == ["elena", "marcus"]
    assert sheet.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.text.lstrip("\ufeff"))))
    assert [row["name"] for row in rows] == ["elena", "marcus"]
    assert set(rows[0]) == set(changed["bots"][0])
    assert_error(odd, 422, "invalid_input")


async def test_one_bot(door: RunningApi, tokens: dict[str, str]) -> None:
    """What describes it and its last checks; an unknown one is not found."""
    async with door.client(tokens[Role.VIEWER]) as client:
        bot = (await client.get("/api/admin/bots/elena")).json()
        unknown = await client.get("/api/admin/bots/nobody")
    assert (bot["name"], bot["display_name"]) == ("elena", "Elena Rodriguez")
    assert bot["url"].startswith("http://")
    assert bot["heartbeats"]
    assert_error(unknown, 404, "not_found")


async def test_a_message_is_tried(door: RunningApi, tokens: dict[str, str]) -> None:
    """An operator gets the raw answer, a viewer does not get to ask."""
    async with door.client(tokens[Role.OPERATOR]) as client:
        trial = (await client.post("/api/admin/bots/elena/try", json={"text": "Hello"})).json()
    assert (trial["outcome"], trial["bot_name"]) == ("answered", "elena")
    assert trial["text"]
    async with door.client(tokens[Role.VIEWER]) as client:
        assert_error(await client.post("/api/admin/bots/elena/try", json={"text": "Hello"}), 403, "permission_denied")
