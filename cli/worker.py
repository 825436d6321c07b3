"""One process for everything that follows the log: read once for all, each read model and process manager in a thread of its own."""

import signal
import threading
from collections.abc import Callable
from typing import NamedTuple

import structlog

from api import logs
from cli.opening import keyring_of
from eventstore.keyring import Keyring
from eventstore.newest import Newest, following
from eventstore.process import settled
from eventstore.rotation import check_master_key
from eventstore.settings import Settings, SettingsError
from processors import channels
from processors import runner as processes
from processors.jobs import runner as jobs
from processors.mail.channel import Mail
from processors.mail.settings import MailSettings
from processors.stream import runner as stream
from processors.stream.members import Member
from processors.stream.settings import KafkaSettings
from processors.webhooks import sending
from processors.webhooks.settings import WebhookSettings
from projections.models import READ_MODELS
from projections.read_model import ReadModel
from projections.runner import Runner

log = structlog.get_logger()


class Outward(NamedTuple):
    """How what leaves the desk does so."""

    mail: MailSettings
    webhooks: WebhookSettings
    kafka: KafkaSettings


def run(settings: Settings, *, shared: bool = False) -> None:
    """Follow the log until SIGTERM or Ctrl-C; `shared`: with other workers, through Kafka."""
    logs.configure(settings.log_level)
    url, keyring = str(settings.database_url), keyring_of(settings)
    outward = Outward(MailSettings.load(), WebhookSettings.load(), KafkaSettings.load())
    if shared and not outward.kafka.servers:
        raise SettingsError(name="KAFKA_BOOTSTRAP_SERVERS", reason="is needed for a worker that is fed from Kafka.")
    check_master_key(url, keyring)
    # Started alone, too: a search through all that was imported keeps every thread from its work for a quarter of a second.
    settled()
    stop = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, lambda *_: stop.set())
    with following(url, stop) as newest:
        _work(newest, url, keyring, outward, stop, shared=shared)


def keeper(
    url: str, keyring: Keyring, model: ReadModel, stop: threading.Event, newest: Newest, kafka: KafkaSettings | None
) -> Runner:
    """What keeps a read model: with Kafka a member among others where it may be shared, else its one owner."""
    if kafka is not None and model.PARTITIONED:
        return Member(url, keyring, model, stop, newest, kafka)
    return Runner(url, keyring, model, stop, newest)


def _work(newest: Newest, url: str, keyring: Keyring, outward: Outward, stop: threading.Event, *, shared: bool) -> None:
    kafka = outward.kafka if shared else None
    work: dict[str, Callable[[], None]] = {
        model.NAME: keeper(url, keyring, model, stop, newest, kafka).run for model in READ_MODELS
    }
    work["processes"] = lambda: processes.run_along(newest, url, keyring, stop, kafka=kafka)
    work["jobs"] = lambda: jobs.run(url, keyring, stop)
    work["mail"] = lambda: channels.run(url, Mail(outward.mail, keyring), stop)
    work["webhooks"] = lambda: sending.run(url, keyring, outward.webhooks, stop)
    if outward.kafka.servers:
        work["stream"] = lambda: stream.run(url, keyring, outward.kafka, stop)
    threads = [threading.Thread(target=do, name=name) for name, do in work.items()]
    for thread in threads:
        thread.start()
    log.info("worker.started", following=list(work))
    for thread in threads:
        thread.join()
