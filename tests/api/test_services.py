"""What runs in the background is started and closed in one place, for a server and for a follower process."""

from collections.abc import Iterator, Sequence

import pytest

from api.services import Services
from api.settings import Settings
from api.startup import open_services
from integrations.outbox_worker import OutboxWorker
from integrations.webhooks.worker import WebhookWorker
from projections.following.background_worker import BackgroundWorker


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """The services of a process that delivers mail, before they are started."""
    services = open_services(settings.model_copy(update={"couriers": 2}))
    yield services
    services.close()


def list_running(services: Services) -> set[str]:
    """List what runs in the background, by name."""
    groups: dict[str, Sequence[BackgroundWorker]] = {
        "follower": [services.follower],
        "sealer": [services.sealer],
        "retention": [services.retention],
        "holidays": [services.holiday_refresh],
        "verifications": [services.verifications],
        "fetcher": [services.fetcher],
        "outbox workers": services.outbox_workers.workers,
    }
    return {name for name, workers in groups.items() if workers and all(worker.is_alive for worker in workers)}


def test_nothing_runs_before_the_start(services: Services) -> None:
    assert list_running(services) == set()


def test_a_server_runs_everything_until_it_is_closed(services: Services) -> None:
    services.start()
    assert list_running(services) == {
        "follower",
        "sealer",
        "retention",
        "holidays",
        "verifications",
        "fetcher",
        "outbox workers",
    }
    *workers, webhook_worker = services.outbox_workers.workers
    channels = [worker.delivery.channel for worker in workers if isinstance(worker, OutboxWorker)]
    assert channels == ["mail", "mail", "calendar"]
    assert isinstance(webhook_worker, WebhookWorker)
    services.close()
    assert list_running(services) == set()
    assert services.read_model_watcher.stopping


def test_a_follower_process_starts_what_serves_the_read_models(services: Services) -> None:
    services.start("follower")
    assert list_running(services) == {"sealer", "retention", "holidays", "verifications"}
    services.close()
    assert list_running(services) == set()


def test_no_outbox_worker_where_the_settings_say_none(settings: Settings) -> None:
    services = open_services(settings)
    try:
        services.start()
        assert services.outbox_workers.workers == ()
    finally:
        services.close()
