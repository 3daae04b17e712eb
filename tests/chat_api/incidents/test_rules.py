"""When a part of the fleet is in trouble."""

from datetime import UTC, datetime, timedelta

from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import FleetView, PartRole, ServiceStatus, ServiceView, SystemStatus
from chat_api.fleet.views import service_view
from chat_api.incidents.rules import CONFIRM_SERVICE_S, Judgement, judge

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_restart_that_one_look_falls_into_is_no_trouble() -> None:
    """A worker has no latency, well or not: the second look confirms, not those in which it was well."""
    worker = _looked_at(None, ServiceStatus.HEALTHY, 0)
    worker = _looked_at(worker, ServiceStatus.HEALTHY, 5)
    worker = _looked_at(worker, ServiceStatus.UNHEALTHY, 10)
    assert _judged(worker).confirm_s == CONFIRM_SERVICE_S
    assert _judged(_looked_at(worker, ServiceStatus.UNHEALTHY, 15)).confirm_s == 0


def _looked_at(before: ServiceView | None, status: ServiceStatus, at_s: float) -> ServiceView:
    report = ServiceReport(
        name="part:worker",
        title="Worker",
        status=status,
        checked_at=NOON + timedelta(seconds=at_s),
        role=PartRole.WORKER,
        container="worker",
    )
    return service_view(before, report)


def _judged(worker: ServiceView) -> Judgement:
    view = FleetView(version=1, status=SystemStatus.HEALTHY, headline="", started_at=NOON, services=(worker,))
    return judge(view, now=NOON)[f"service:{worker.name}"]
