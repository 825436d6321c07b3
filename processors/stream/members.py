"""A worker's share of a read model: partitions of Kafka, with their offsets in the tables' own transaction."""

import threading
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import structlog
from kafka.errors import KafkaError
from psycopg import Connection

from eventstore.feed import read_page
from eventstore.keyring import Keyring
from eventstore.newest import Newest
from processors.checkpoint import Overtaken
from processors.stream.group import Group, Message, NeedsOneOwner, alone, looked_up, published
from processors.stream.partitions import Kept, Place, Places, settle
from processors.stream.reading import stored
from processors.stream.settings import KafkaSettings
from projections import builds
from projections.apply import apply_rows, opened
from projections.builds import Build
from projections.read_model import Page, ReadModel
from projections.runner import LEASE_POLL, Runner

log = structlog.get_logger()

PAGE = 5_000


class _Part(NamedTuple):
    """What a member works with while it takes part."""

    db: Connection[Any]
    build: Build
    kept: Kept
    group: Group


class Member(Runner):
    """Keeps a read model's partitions, as many as there are for it, until stopped. Meant for a thread of its own."""

    # Members share what a worker that reads the log has alone: one way at a time.
    _LEASE = "SELECT pg_try_advisory_lock_shared(hashtext('read model'), hashtext(%s))"

    def __init__(
        self,
        url: str,
        keyring: Keyring,
        model: ReadModel,
        stop: threading.Event,
        newest: Newest,
        settings: KafkaSettings,
    ) -> None:
        if not model.PARTITIONED:
            raise NeedsOneOwner(name=model.NAME)
        super().__init__(url, keyring, model, stop, newest)
        self._settings, self._topic = settings, settings.events

    def _keep(self, db: Connection[Any]) -> None:
        try:
            with closing(Group(self._settings, f"{self._model.NAME}.v{self._model.VERSION}")) as group:
                self._take_part(db, group)
        except Overtaken:
            # To begin again where the tables are.
            return
        except KafkaError as error:
            log.warning("projection.kafka_away", read_model=self._model.NAME, error=type(error).__name__)
            self._stop.wait(LEASE_POLL)

    def _take_part(self, db: Connection[Any], group: Group) -> None:
        build = self._begun(db, group)
        part = _Part(db, build, Kept.of_build(build, self._topic), group)
        builds.enter(db.cursor(), build)
        group.join(partial(looked_up, self._url, part.kept))
        while not self._stop.is_set():
            told = published(db, self._topic)
            if found := group.poll():
                self._apply(part, found)
                self._failures, self.failed = 0, None
            if quiet := group.quiet(db, self._newest, told):
                self._moved(part, dict(group.places), quiet)

    def _begun(self, db: Connection[Any], group: Group) -> Build:
        """The live build with a place for each partition; where it has none, or Kafka has it no more, the log fills the gap."""
        with alone(db, self._model.NAME, self._stop) as mine:
            build = self._live(db)
            known = Kept.of_build(build, self._topic).all(db)
            return build if not mine or group.has(known) else self._from_the_log(db, build, group)

    def _from_the_log(self, db: Connection[Any], build: Build, group: Group) -> Build:
        offsets = group.recent()
        builds.enter(db.cursor(), build)
        while rows := read_page(db.cursor(), build.position, PAGE):
            build = apply_rows(self._model, self._keyring, db, build, rows)
        with db.transaction(), db.cursor() as cursor:
            places = {number: Place(offset, build.position) for number, offset in offsets.items()}
            Kept.of_build(build, self._topic).begin(cursor, places)
        return build

    def _apply(self, part: _Part, found: Mapping[int, list[Message]]) -> None:
        before = dict(part.group.places)
        wanted = [
            each.position
            for number, messages in found.items()
            if number in before
            for each in messages
            if each.position > before[number].position and each.name in self._wanted
        ]
        page = Page(opened(self._model, self._keyring, part.db, stored(part.db, self._newest, wanted)))
        after = {number: Place(all_[-1].offset + 1, all_[-1].position) for number, all_ in found.items()}
        self._moved(part, before, after, page)

    def _moved(self, part: _Part, before: Places, after: Places, page: Page | None = None) -> None:
        """Of those that are still ours, with what is new in them."""
        mine = {number: place for number, place in after.items() if number in before}
        with part.db.transaction(), part.db.cursor() as cursor:
            part.kept.move(cursor, before, mine)
            if page is not None and page.events:
                self._model.apply(page, cursor)
        part.group.moved(mine)
        settle(part.db, part.build, self._topic)
