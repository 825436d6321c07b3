"""The import itself: set up what the tickets refer to, tell their histories, then count what the log says of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from uuid import UUID

from cli.imports.mapping import Mapping, States, kind_by_words
from cli.imports.recording import Recording
from cli.imports.source import Problem
from cli.imports.spool import Incident, Spool
from cli.imports.translate import Told, Translator
from cli.together import batches, together
from domain.command import Command
from domain.errors import Refusal
from domain.event import SYSTEM, Event
from domain.ids import ticket_id
from domain.requester import RequesterExists
from domain.ticket.events import StatusEvent, TicketAssigned, TicketReopened
from domain.values import StatusKind
from domain.workspace import CreateWorkspace

# Incidents told at the same time: enough for the group commit, few enough to share a few connections.
AT_ONCE = 96
_WHOLE_INCIDENT = "(incident)"


@dataclass
class Counts:
    """What came of an import; the equal and closed counts are of all the file's tickets, read back from the log."""

    tickets: int = 0
    events: int = 0
    equal_reassignments: int = 0
    equal_reopenings: int = 0
    closed: int = 0
    unknown_states: int = 0
    errors: int = 0
    skipped_as_already_imported: int = 0

    as_dict = asdict


@dataclass
class Report:
    """The counts, and what the operator should know beside them."""

    counts: Counts = field(default_factory=Counts)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Import:
    """One file's way into one workspace."""

    def __init__(self, recording: Recording, mapping: Mapping, spool: Spool, report: Report) -> None:
        self.recording, self.mapping, self.spool, self.report = recording, mapping, spool, report

    async def run(self, slug: str, told: Callable[[int], None]) -> None:
        """Everything in the spool; `told` hears how many incidents are through."""
        await self._workspace(slug)
        desk = await self.recording.catalogue()
        states = States(self.mapping, dict(desk.statuses), self._context)
        translator = Translator(self.recording.workspace, self.mapping, states, desk.teams.values())
        now = self.recording.desk.clock()
        await self.recording.execute(translator.catalogue(self.spool, now))
        await self._new(translator.requesters(self.spool, now))
        for incidents in batches(self._wanted(), AT_ONCE):
            await self._tell(translator, incidents)
            told(len(incidents))
        self._conclude(translator)

    async def _workspace(self, slug: str) -> None:
        if not (await self.recording.catalogue()).slug:
            self.report.notes.append(f"There was no workspace «{slug}»; the import makes it.")
            at, workspace = self.recording.desk.clock(), self.recording.workspace
            create = CreateWorkspace(
                workspace_id=workspace, by=SYSTEM, at=at, command_id=workspace, channel="import", slug=slug, title=slug
            )
            await self.recording.execute(create)

    def _wanted(self) -> Iterator[Incident]:
        # A history with a hole is a false one, and the missing row could not be told later, in its place.
        bad = {problem.number for problem in self.report.problems}
        return (incident for incident in self.spool.incidents() if incident.number not in bad)

    async def _tell(self, translator: Translator, incidents: Sequence[Incident]) -> None:
        stories = [list(translator.commands(incident)) for incident in incidents]
        recorded = await self.recording.recorded(told.command for story in stories for told in story)
        results = await together(self._story(story, recorded) for story in stories)
        through = [incident for incident, whole in zip(incidents, results, strict=True) if whole]
        await self._check(through)

    async def _story(self, story: list[Told], recorded: set[UUID]) -> bool:
        """Whether the log has all of it now."""
        new = [told for told in story if told.command.command_id not in recorded]
        if not new:
            self.report.counts.skipped_as_already_imported += 1
            return True
        if late := _told_too_late(story, recorded):
            self.report.problems.append(late)
            return False
        for told in new:
            try:
                events = await self.recording.execute(told.command)
            except Refusal as refusal:
                self.report.problems.append(Problem(told.row.line, _WHOLE_INCIDENT, str(refusal), told.row.number))
                return False
            self.report.counts.events += events
        self.report.counts.tickets += 1
        return True

    async def _new(self, commands: Sequence[Command]) -> None:
        for batch in batches(iter(commands), AT_ONCE):
            recorded = await self.recording.recorded(batch)
            await together(self._once(c) for c in batch if c.command_id not in recorded)

    async def _once(self, command: Command) -> None:
        try:
            await self.recording.execute(command)
        except RequesterExists:
            # Somebody registered the customer by other means; the tickets refer to them all the same.
            return

    async def _check(self, incidents: Sequence[Incident]) -> None:
        """Compare what the log says with the source's own counters."""
        streams = {ticket_id(self.recording.workspace, incident.number): incident for incident in incidents}
        found = await self.recording.structure(list(streams))
        for stream, incident in streams.items():
            tally = tallied(found.get(stream, []))
            counts = self.report.counts
            counts.closed += tally.closed
            counts.equal_reassignments += tally.reassignments == _counter(incident, "reassignment_count")
            counts.equal_reopenings += tally.reopenings == _counter(incident, "reopen_count")

    def _context(self, state: str) -> StatusKind | None:
        """The kind of the states that stand beside this one most often."""
        kinds: Counter[StatusKind] = Counter()
        for near, times in self.spool.neighbours(state).items():
            known = States(self.mapping, {}, lambda _: None)
            kind = known.status(near).kind if known.knows(near) else kind_by_words(near)
            if kind is not None:
                kinds[kind] += times
        return max(kinds, key=kinds.__getitem__) if kinds else None

    def _conclude(self, translator: Translator) -> None:
        report, unknown = self.report, translator.states.unknown
        report.counts.unknown_states = len(unknown)
        report.counts.errors = len(report.problems)
        report.notes += [f"State «{s}» is not known: taken as «{t.name}», {t.kind}." for s, t in unknown.items()]
        report.notes += [
            f"Priority «{p}» is not known: taken as normal." for p in sorted(translator.unknown_priorities)
        ]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a ticket's events say about it."""

    reassignments: int
    reopenings: int
    closed: bool


def tallied(events: Iterable[Event]) -> Tally:
    """Count from the events alone."""
    events = list(events)
    moves = [event for event in events if isinstance(event, StatusEvent)]
    return Tally(
        reassignments=sum(isinstance(e, TicketAssigned) and e.assignee.team != e.previous.team for e in events),
        reopenings=sum(isinstance(event, TicketReopened) for event in events),
        closed=bool(moves) and moves[-1].kind is StatusKind.CLOSED,
    )


def _counter(incident: Incident, counter: str) -> int | None:
    return max((told for row in incident.rows if (told := row.count(counter)) is not None), default=None)


def _told_too_late(story: list[Told], recorded: set[UUID]) -> Problem | None:
    """The first new update with a recorded one after it: history is not rewritten."""
    last_known = max((n for n, told in enumerate(story) if told.command.command_id in recorded), default=-1)
    for told in story[: max(last_known, 0)]:
        if told.command.command_id not in recorded:
            reason = "is older than an update that was imported before; history is only added to"
            return Problem(told.row.line, "sys_updated_at", reason, told.row.number)
    return None
