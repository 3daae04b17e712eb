"""The report, scheduled restarts and checks over HTTP: as the page has them, in JSON and as documents."""

from typing import Any

from models import Role
from tests.support.api import RunningApi
from tests.support.eventually import eventually
from tests.support.shared_api import assert_error


async def test_the_report_is_json_and_markdown(api: RunningApi) -> None:
    """What nobody observed is null; its hour is decided, and read back; a day that is none is refused."""
    async with api.client(await api.admin_login(Role.OPERATOR)) as client:
        answer = (await client.get("/api/admin/reports/2026-01-31")).json()
        assert (answer["day"], answer["summary"]["messages"], answer["bots"]) == ("2026-01-31", None, [])
        text = await client.get("/api/admin/reports/2026-01-31.md", headers={"Accept-Language": "en"})
        assert text.headers["content-type"] == "text/markdown; charset=utf-8"
        assert text.text.startswith("# Daily report: Saturday, 2026-01-31")
        assert_error(await client.get("/api/admin/reports/yesterday"), 422, "invalid_input")
        assert_error(await client.get("/api/admin/reports/2100-01-01"), 422, "invalid_input")
        body = {"is_on": True, "at_time": "07:30", "time_zone": "Europe/Berlin"}
        stored = (await client.put("/api/admin/report-schedule", json=body)).json()
        assert {name: stored[name] for name in body} == body
        assert (await client.get("/api/admin/report-schedule")).json() == stored
        assert_error(await client.put("/api/admin/report-schedule", json=body | {"at_time": "7h"}), 422)


async def test_a_restart_is_scheduled_and_deleted(api: RunningApi) -> None:
    """With its next time; as CSV too."""
    async with api.client(await api.admin_login(Role.OPERATOR)) as client:
        body: dict[str, Any] = {"name": "Weekend", "bots": ["elena"], "recurrence": "weekly", "weekdays": [5, 6]}
        made = (await client.post("/api/admin/restart-schedules", json=body)).json()
        assert {name: made[name] for name in body} == body
        assert made["next_at"]
        path = f"/api/admin/restart-schedules/{made['id']}"
        assert (await client.post(f"{path}/pause")).json()["is_paused"] is True
        assert (await client.post(f"{path}/resume")).json()["is_paused"] is False
        assert (await client.put(path, json=body | {"name": "All", "bots": None})).json()["bots"] is None
        assert "All" in (await client.get("/api/admin/restart-schedules?format=csv")).text
        assert (await client.delete(path)).json() == {"success": True}
        assert (await client.get("/api/admin/restart-schedules")).json() == {"schedules": []}


async def test_checks_are_run_and_read(api: RunningApi) -> None:
    """Each answer with what it fails."""
    async with api.client(await api.admin_login(Role.OPERATOR)) as client:
        body = {"name": "Smoke", "prompts": [{"text": "Hello", "contains": ["no bot says this"], "max_s": 60}]}
        suite = (await client.post("/api/admin/check-suites", json=body)).json()
        run = (await client.post(f"/api/admin/check-suites/{suite['id']}/runs", json={"bot_names": ["elena"]})).json()

        async def over() -> Any:
            found = (await client.get(f"/api/admin/check-runs/{run['id']}")).json()
            return found if found["run"]["state"] != "running" else None

        details = await eventually(over)
        (result,) = details["results"]
        assert (result["bot_name"], result["is_passed"]) == ("elena", False)
        assert result["failures"] == [{"kind": "contains", "expected": "no bot says this"}]
        assert [one["id"] for one in (await client.get("/api/admin/check-runs")).json()["runs"]] == [run["id"]]
        bad = body | {"name": "Bad", "prompts": [{"text": "Hello", "matches": "("}]}
        assert_error(await client.post("/api/admin/check-suites", json=bad), 422, "invalid_input")
