"""The queues of the fleet's workers: as its Redis shows them, else as a bot says, without any age."""

from collections.abc import Iterator, Mapping

from chat_api.core.principals import Permission, Principal
from chat_api.fleet.queues import QUEUES, SERVICE_PREFIX
from chat_api.fleet.schemas import BotStatus, BotView, ServiceStatus, ServiceView
from chat_api.fleet.service import FleetService
from chat_api.fleet_data.schemas import QueueLife, QueueState

# Whose claims are old: they were made before the bot went away.
_AWAY = frozenset({BotStatus.OFFLINE, BotStatus.UNKNOWN, BotStatus.MISADDRESSED})


class QueuesService:
    """Shows what the leader watches, and what bots claim."""

    def __init__(self, fleet: FleetService) -> None:
        self._fleet = fleet

    def queues(self, principal: Principal) -> tuple[QueueLife, ...]:
        """Each queue that anything is known of. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        view = self._fleet.current()
        services = {service.name: service for service in view.services}
        watched = tuple(_watched(services))
        return watched or tuple(self._claimed(principal, view.bots))

    def _claimed(self, principal: Principal, bots: tuple[BotView, ...]) -> Iterator[QueueLife]:
        """What the first bot says that says anything: all bots of a fleet share its queues."""
        for bot in bots:
            info = self._fleet.info(principal, bot.name)
            depths = info.facts.get("queue_depths") if info is not None and bot.status not in _AWAY else None
            claims = depths if isinstance(depths, Mapping) else {}
            found = [(name, claims[name]) for name in QUEUES if _is_count(claims.get(name))]
            if found:
                for name, depth in found:
                    yield QueueLife(queue=name, depth=depth, state=QueueState.UNKNOWN, reported_by=bot.name)
                return


def _watched(services: Mapping[str, ServiceView]) -> Iterator[QueueLife]:
    for name in QUEUES:
        service = services.get(SERVICE_PREFIX + name)
        if service is None or service.queue is None:
            continue
        queue, is_known = service.queue, service.status is not ServiceStatus.UNKNOWN
        state = QueueState.GROWING if service.status is ServiceStatus.UNHEALTHY else QueueState.OK
        yield QueueLife(
            queue=name,
            depth=queue.depth,
            waiting=queue.waiting,
            oldest_job_s=queue.oldest_job_s,
            growing_since=queue.growing_since,
            read_at=service.last_checked_at,
            state=state if is_known else QueueState.UNKNOWN,
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
