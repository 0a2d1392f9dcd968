"""Metrics for Prometheus: the state of the whole fleet, read from the ledger whenever Prometheus asks a worker."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError, PixivcrawlError
from pixivcrawl.fleet.state import FleetState, state_of_fleet
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import Ledger

ANSWERS_WITHIN = 5.0
"""Seconds that a request waits for the one before it. A server that is silent then holds up one thread and not one for each request."""


@contextmanager
def metrics_served(configuration: Configuration) -> Iterator[None]:
    """Answer Prometheus at METRICS_ADDRESS meanwhile; does nothing without one. Raises ConfigurationError."""
    if configuration.metrics_address is None:
        yield
        return
    host, port = configuration.metrics_address
    ledger = Ledger.open(configuration.database_url, read_only=True)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FleetCollector(ledger, configuration))
    try:
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            raise ConfigurationError(
                f"METRICS_ADDRESS: {host}:{port} cannot be had ({error.strerror}): choose another port for this worker"
            ) from None
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
    finally:
        ledger.close()


class FleetCollector(Collector):
    """The metrics of the fleet. While the ledger cannot be read, only that is said."""

    def __init__(self, ledger: Ledger, configuration: Configuration) -> None:
        self._ledger = ledger
        self._configuration = configuration
        self._one_at_a_time = threading.Lock()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = self._read()
        yield GaugeMetricFamily(
            "pixivcrawl_ledger_reachable", "1 if the ledger could be read just now, else 0.", int(status is not None)
        )
        if status is not None:
            yield from metrics_of(status)

    def _read(self) -> FleetState | None:
        if not self._one_at_a_time.acquire(timeout=ANSWERS_WITHIN):
            return None
        try:
            return self._ledger.read_now(state_of_fleet, self._configuration)
        except PixivcrawlError:
            return None
        finally:
            self._one_at_a_time.release()


def metrics_of(status: FleetState) -> Iterator[GaugeMetricFamily]:
    """One metric after another; docs/fleet.md describes each."""
    held = _gauge("lane_held", "1 while a crawl reads as this account.", "account")
    sent = _gauge("api_requests_today", "API requests that this account sent today (UTC).", "account")
    paused = _gauge("account_pause_seconds", "Seconds for which this account sends nothing.", "account")
    for lane in status.lanes:
        account = [str(queries.account_of_reader(lane.reader))]
        held.add_metric(account, int(lane.holder is not None))
        sent.add_metric(account, lane.sent)
        paused.add_metric(account, lane.paused_for)
    yield from (held, sent, paused)
    yield GaugeMetricFamily("pixivcrawl_api_requests_budget", "PIXIV_API_BUDGET; 0 without a limit.", status.budget)

    hosts = _gauge("host_pause_seconds", "Seconds for which nobody sends anything to this host.", "host")
    for host, left in status.pauses.items():
        hosts.add_metric([host], left)
    yield hosts

    number = _gauge("jobs", "Jobs in the queue, by the account's name in the subscriptions.", "name", "state")
    oldest = _gauge("oldest_job_seconds", "Seconds since the oldest waiting job was added.", "name")
    for jobs in status.jobs or []:
        for state, count in (("waiting", jobs.waiting), ("at work", jobs.at_work), ("failed", jobs.failed)):
            number.add_metric([jobs.account, state], count)
        oldest.add_metric([jobs.account], jobs.oldest_for or 0)
    yield from (number, oldest)

    plans = _gauge(
        "failed_plan_seconds", "Seconds for which this worker has not been able to plan.", "worker", "reason"
    )
    for plan in status.failed_plans:
        plans.add_metric([plan.worker, plan.reason], plan.failing_for)
    yield plans

    crawls = _gauge("crawls_last_day", "Crawls that ended in the last 24 hours.", "exit_code")
    by_code: Counter[int] = Counter()
    for each in status.ended:
        by_code[each.exit_code] += each.crawls
    for code, count in by_code.items():
        crawls.add_metric([str(code)], count)
    failures = _gauge(
        "failures_last_day", "Those that ended early, by the most frequent reasons.", "exit_code", "reason"
    )
    for each in status.failures:
        failures.add_metric([str(each.exit_code), each.reason or ""], each.crawls)
    yield from (crawls, failures)
    yield GaugeMetricFamily("pixivcrawl_files_stored_last_day", "Files that these crawls stored.", status.files)
    yield GaugeMetricFamily("pixivcrawl_bytes_stored_last_day", "Bytes that these crawls stored.", status.bytes)


def _gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"pixivcrawl_{name}", meaning, labels=labels)
