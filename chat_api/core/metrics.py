"""What Prometheus scrapes. Names follow its conventions: a unit at the end, ``_total`` on counters."""

import os
from collections import Counter as Counts
from collections.abc import Callable, Iterable
from contextlib import suppress

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from chat_api import __version__
from chat_api.core.call_outcomes import is_counted, is_failure
from chat_api.core.request_statistics import RequestStatistics

PREFIX = "whisperengine_web"
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BOT_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60)
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Told of every HTTP request (status, seconds) and every look at the event loop (seconds). Must not raise.
        self.on_request: Callable[[int, float], None] = lambda _status, _duration_s: None
        self.on_lag: Callable[[float], None] = lambda _lag_s: None
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        r = self.registry
        self.http_requests = Counter(
            f"{PREFIX}_http_requests_total", "HTTP requests.", ["method", "route", "status"], registry=r
        )
        self.http_seconds = Histogram(
            f"{PREFIX}_http_request_duration_seconds",
            "Time to answer an HTTP request.",
            ["route"],
            buckets=_REQUEST_BUCKETS,
            registry=r,
        )
        self.ws_connections = Gauge(f"{PREFIX}_websocket_connections", "Open chat WebSockets.", registry=r)
        self.ws_frames = Counter(
            f"{PREFIX}_websocket_frames_total", "Frames of chat WebSockets.", ["direction", "type"], registry=r
        )
        # Finding a labelled metric costs more than to count: those that are found stay at hand.
        self._requests: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._calls: dict[tuple[str, str], tuple[Counter, Histogram, Counter | None]] = {}
        self._frames_out: dict[str, Counter] = {}
        self.ws_closed = Counter(
            f"{PREFIX}_websocket_closed_total", "Chat WebSockets closed by us.", ["code"], registry=r
        )
        self.bot_calls = Counter(
            f"{PREFIX}_bot_calls_total", "Chat calls to bots.", ["bot_name", "outcome"], registry=r
        )
        self.bot_answers = Counter(
            f"{PREFIX}_bot_answers_total",
            "Answers that users wanted from a bot: answered or failed, as everywhere in the console.",
            ["bot_name", "result"],
            registry=r,
        )
        self.bot_seconds = Histogram(
            f"{PREFIX}_bot_call_duration_seconds",
            "Time a bot took to answer.",
            ["bot_name"],
            buckets=_BOT_BUCKETS,
            registry=r,
        )
        self.bot_up = Gauge(f"{PREFIX}_bot_up", "Whether a bot is online (1) or not (0).", ["bot_name"], registry=r)
        self.bot_excused = Gauge(
            f"{PREFIX}_bot_excused",
            "1 while a bot should not alert by itself: it is in maintenance, or a dependency is the cause.",
            ["bot_name"],
            registry=r,
        )
        self.bot_breaker = Gauge(
            f"{PREFIX}_bot_breaker_state",
            "A bot's breaker: closed (0), half-open (1), open (2).",
            ["bot_name"],
            registry=r,
        )
        self.bot_in_flight = Gauge(
            f"{PREFIX}_bot_calls_in_flight", "Chat calls of a bot under way.", ["bot_name"], registry=r
        )
        self.bot_waiting = Gauge(
            f"{PREFIX}_bot_calls_waiting", "Chat calls that wait for a slot of a bot.", ["bot_name"], registry=r
        )
        self.bot_refused = Counter(
            f"{PREFIX}_bot_calls_refused_total",
            "Chat calls that were not made, because of the bot's breaker or its bulkhead.",
            ["bot_name", "reason"],
            registry=r,
        )
        self.running_messages = Gauge(f"{PREFIX}_messages_running", "Messages being answered.", registry=r)
        self.pool_connections = Gauge(
            f"{PREFIX}_database_pool_connections", "Connections of the database pool.", ["state"], registry=r
        )
        self.leader = Gauge(
            f"{PREFIX}_leader", "Whether this process does the background work of all (1) or not (0).", registry=r
        )
        self.process = Gauge(
            f"{PREFIX}_process_info", "Which of several processes on one port answered: always 1.", ["pid"], registry=r
        )
        self.process.labels(str(os.getpid())).set(1)
        self.alerts_firing = Gauge(
            f"{PREFIX}_alerts_firing", "Alerts that fire now; only the leader knows.", ["severity"], registry=r
        )
        self.notifications = Counter(
            f"{PREFIX}_notifications_total", "Alert messages that were sent, or given up.", ["outcome"], registry=r
        )
        self.loop_lag = Histogram(
            f"{PREFIX}_event_loop_lag_seconds",
            "How late the event loop runs what is due.",
            buckets=_LAG_BUCKETS,
            registry=r,
        )
        self.request_statistics = RequestStatistics()
        self._add_system(r)

    def _add_system(self, r: CollectorRegistry) -> None:
        """What an operator watches beside the chat: this process, and the fleet as all processes see it."""
        self.build = Gauge(f"{PREFIX}_build_info", "The version that runs: always 1.", ["version"], registry=r)
        self.build.labels(__version__).set(1)
        self.loop_blocks = Counter(
            f"{PREFIX}_event_loop_blocks_total", "Times that the event loop stood still for half a second.", registry=r
        )
        self.loop_blocked_seconds = Counter(
            f"{PREFIX}_event_loop_blocked_seconds_total", "Time that the event loop stood still.", registry=r
        )
        self.slow_queries = Counter(
            f"{PREFIX}_slow_queries_total", "Database statements over SLOW_QUERY_MS.", registry=r
        )
        self.slow_query_seconds = Counter(
            f"{PREFIX}_slow_query_seconds_total", "Time that slow database statements took.", registry=r
        )
        self.worker_age = Gauge(
            f"{PREFIX}_worker_heartbeat_age_seconds",
            "How long ago a background worker finished a round; those that wait for events have none.",
            ["worker"],
            registry=r,
        )
        self.worker_late = Gauge(
            f"{PREFIX}_worker_late", "Whether a background worker should have beaten long ago.", ["worker"], registry=r
        )
        self.worker_failures = Gauge(
            f"{PREFIX}_worker_failures", "How often a background worker failed since the start.", ["worker"], registry=r
        )
        self.bots = Gauge(f"{PREFIX}_bots", "Bots by what they are doing.", ["status"], registry=r)
        self.synthetic_check_up = Gauge(
            f"{PREFIX}_bot_synthetic_check_up",
            "Whether a bot answered its last synthetic check.",
            ["bot_name"],
            registry=r,
        )
        self.canary_up = Gauge(
            f"{PREFIX}_bot_canary_up", "Deprecated: bot_synthetic_check_up.", ["bot_name"], registry=r
        )
        self.bot_restarts = Counter(
            f"{PREFIX}_bot_restarts_total", "Restarts that ended, as this process saw it.", ["outcome"], registry=r
        )
        self.service_up = Gauge(
            f"{PREFIX}_service_up", "Whether a dependency answers (1) or not (0).", ["service"], registry=r
        )
        self.service_seconds = Gauge(
            f"{PREFIX}_service_latency_seconds", "Time a dependency took for its last check.", ["service"], registry=r
        )
        self.queue_depth = Gauge(
            f"{PREFIX}_queue_jobs", "Jobs in a queue of the fleet's workers, in its Redis.", ["queue"], registry=r
        )
        self.queue_oldest_seconds = Gauge(
            f"{PREFIX}_queue_oldest_job_age_seconds",
            "How long the oldest job that is due has waited in a queue of the fleet's workers.",
            ["queue"],
            registry=r,
        )
        self.cause_bots = Gauge(
            f"{PREFIX}_root_cause_bots", "Bots whose trouble is put down to a dependency.", ["service"], registry=r
        )
        self.maintenance = Gauge(
            f"{PREFIX}_maintenance_mode", "Whether the chat takes no new messages (1).", registry=r
        )

    def record_request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """An HTTP request was answered."""
        key = (method, route, status)
        found = self._requests.get(key)
        if found is None:
            found = self._requests[key] = (
                self.http_requests.labels(method, route, status),
                self.http_seconds.labels(route),
            )
        found[0].inc()
        found[1].observe(duration_s)
        self.on_request(status, duration_s)
        self.request_statistics.record(route, status, duration_s)

    def record_blocked(self, duration_s: float) -> None:
        """The event loop stood still."""
        self.loop_blocks.inc()
        self.loop_blocked_seconds.inc(duration_s)

    def record_slow_query(self, duration_s: float) -> None:
        """A database statement took too long."""
        self.slow_queries.inc()
        self.slow_query_seconds.inc(duration_s)

    def count_frames_out(self, kind: str, count: int) -> None:
        """Frames of one type were queued on WebSockets."""
        counter = self._frames_out.get(kind)
        if counter is None:
            counter = self._frames_out[kind] = self.ws_frames.labels("out", kind)
        counter.inc(count)

    def record_bot_call(self, bot_name: str, outcome: str, duration_s: float) -> None:
        """One chat call to a bot has ended."""
        key = (bot_name, outcome)
        found = self._calls.get(key)
        if found is None:
            results = {one: self.bot_answers.labels(bot_name, one) for one in ("answered", "failed")}  # 0, not absent
            found = self._calls[key] = (
                self.bot_calls.labels(bot_name, outcome),
                self.bot_seconds.labels(bot_name),
                results["failed" if is_failure(outcome) else "answered"] if is_counted(outcome) else None,
            )
        found[0].inc()
        found[1].observe(duration_s)
        if found[2] is not None:
            found[2].inc()

    def record_bot_refusal(self, bot_name: str, reason: str) -> None:
        """One chat call was not made: ``breaker`` or ``bulkhead``."""
        self.bot_refused.labels(bot_name, reason).inc()

    def remove_bot(self, bot_name: str) -> None:
        """A bot is no longer part of the fleet: how it is now is no question any more."""
        for gauge in (self.bot_up, self.bot_excused, self.bot_breaker, self.bot_in_flight, self.bot_waiting):
            gauge.remove(bot_name)
        with suppress(KeyError):  # not every bot has been tried
            self.synthetic_check_up.remove(bot_name)
            self.canary_up.remove(bot_name)

    def record_alerts(self, severities: Iterable[str]) -> None:
        """These alerts fire now, each by its severity."""
        counts = Counts(severities)
        for severity in ("info", "warning", "critical"):
            self.alerts_firing.labels(severity).set(counts[severity])

    def record_notification(self, is_sent: bool) -> None:
        """A message of an alert was sent, or given up."""
        self.notifications.labels("sent" if is_sent else "failed").inc()

    def record_leader(self, is_leader: bool) -> None:
        """This process began or ended to lead."""
        self.leader.set(is_leader)
        if not is_leader:
            self.alerts_firing.clear()

    def record_lag(self, lag_s: float) -> None:
        """The event loop ran something so late."""
        self.loop_lag.observe(lag_s)
        self.on_lag(lag_s)

    def render(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self.registry)
