"""The Prometheus metrics of a process; no label names a user or a session."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_LONG = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)


class Metrics:
    """One process's metrics; the four services of the one-machine form share one set."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.request_seconds = Histogram(
            "http_server_request_duration_seconds",
            "Time from a request's headers to the end of its answer.",
            ("service", "method", "route", "status"),
            registry=self.registry,
            buckets=_SHORT,
        )
        self.chunk_bytes = Counter("chunk_bytes", "Bytes of chunks acknowledged.", registry=self.registry)
        self.fsync_seconds = Histogram(
            "chunk_fsync_duration_seconds",
            "Time to make one chunk durable: write, fsync, final name.",
            registry=self.registry,
            buckets=_SHORT,
        )
        self.outbox_pending = Gauge(
            "outbox_pending", "Manifests on disk that the bus has not confirmed.", registry=self.registry
        )
        self.bus_connected = Gauge(
            "bus_connected", "Whether a service's bus is reached, 1 or 0.", ("service",), registry=self.registry
        )
        self.events_dropped = Counter(
            "progress_events_dropped", "Progress events given up while the bus was away.", registry=self.registry
        )
        self.job_seconds = Histogram(
            "job_duration_seconds",
            "Time one delivery of a job took.",
            ("stage", "outcome"),
            registry=self.registry,
            buckets=_LONG,
        )
        self.redeliveries = Counter(
            "job_redeliveries", "Deliveries of a job after its first.", ("stage",), registry=self.registry
        )
        self.dead_letters = Counter(
            "dead_letters",
            "Jobs given up and kept; reason is the error's code.",
            ("stage", "reason"),
            registry=self.registry,
        )
        self.websockets = Gauge("ws_connections", "Clients listening on /notify.", registry=self.registry)
        self.ws_dropped = Counter("ws_dropped", "Clients let go by us.", ("reason",), registry=self.registry)
        self.jwt_rejects = Counter(
            "jwt_rejects", "Requests whose token did not hold.", ("reason",), registry=self.registry
        )
        self.webhook_deliveries = Counter(
            "webhook_deliveries", "Tries at telling other services.", ("outcome",), registry=self.registry
        )
