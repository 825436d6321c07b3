"""`ledgerdesk stream`: the stream to other services."""

import sys
import threading
from typing import Annotated

import typer
from rich.progress import Progress

from cli.embedded import database_of
from cli.opening import keyring_of
from domain.errors import LedgerdeskError
from eventstore.database import Role, connect
from eventstore.feed import head
from eventstore.settings import Settings, SettingsError
from processors.runner import lease
from processors.stream.publisher import Publisher
from processors.stream.settings import KafkaSettings
from processors.stream.sources import Events

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


class LiveTopic(LedgerdeskError):
    """A replay is for a topic of its own."""

    code = "live_topic"
    sentence = "{topic} is the topic that the worker publishes to. Name another one for a replay."
    misuse = True


@app.callback(epilog="Example: ledgerdesk stream publish --from 1 --topic ledgerdesk.replay")
def stream() -> None:
    """The stream to other services."""


@app.command(epilog="Example: ledgerdesk stream publish --from 1 --topic ledgerdesk.replay")
def publish(
    topic: Annotated[str, typer.Option("--topic", help="Made where it is missing; not the live one.")],
    from_: Annotated[int, typer.Option("--from", min=1, help="Position of the first event.")] = 1,
) -> None:
    """Publish the log anew, up to its present end, into a topic of its own. Run again, it goes on where it stopped."""
    kafka = KafkaSettings.load()
    if not kafka.servers:
        raise SettingsError(name="KAFKA_BOOTSTRAP_SERVERS", reason="is needed: name the brokers, as in kafka:9092.")
    if topic in (kafka.events, kafka.tickets, kafka.positions):
        raise LiveTopic(topic=topic)
    with database_of(Settings.load()) as settings:
        replayed = replay(settings, kafka, topic, from_ - 1)
    print(f"{topic} has everything up to position {replayed}.")


def replay(settings: Settings, kafka: KafkaSettings, topic: str, start: int) -> int:
    """Publish all that there is above a position; the position that the topic has then."""
    url, stop = str(settings.database_url), threading.Event()
    with connect(url, Role.WORKER, "ledgerdesk-replay") as db, db.cursor() as cursor:
        end = head(cursor)
    with lease(topic, url, stop) as db, Progress(disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task(topic, total=end)
        publisher = Publisher(kafka, topic, Events(keyring_of(settings)), db, start=start, mirrored=False)

        def moved() -> None:
            progress.update(bar, completed=publisher.position)
            if publisher.position >= end:
                stop.set()

        publisher.run(stop, moved, moved)
    return publisher.position
