"""TicketSearch (C2): what every ticket can be found by. Its queries are in `search_hits`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from psycopg import Cursor

from domain.event import Event, Recorded
from domain.ticket import events as e
from domain.ticket import messages, undoing
from eventstore.arrays import Ints, Texts
from projections.bulk import texts, upsert
from projections.read_model import Page, ReadModel
from projections.search_lookup import HITS, WAYS
from projections.search_parts import SAYING, TITLE, Part, parts
from projections.search_terms import terms

COLUMNS = ("workspace_id", "ticket_id", "requester_id", "said_at", "title_terms", "terms", "internal_terms", "position")
PART_COLUMNS = ("workspace_id", "ticket_id", "part", "message_id", "internal", "body")
NEWER = "(ticket_id) DO UPDATE SET {updates} WHERE ticket_search.position < excluded.position"
# After these, words may be gone: the ticket's other texts must be looked at again.
REPLACES = (
    e.TicketRetitled,
    e.TicketDescribed,
    e.TicketFieldsSet,
    messages.TicketAttachmentRemoved,
    messages.TicketMessageRedacted,
    undoing.TicketUndone,
)


@dataclass(slots=True)
class Document:
    """A ticket's row; `texts` are all its parts where they had to be read, else those that came."""

    workspace_id: UUID
    ticket_id: UUID
    requester_id: UUID | None
    said_at: datetime
    title_terms: set[str]
    terms: set[str]
    internal_terms: set[str]
    position: int
    before: frozenset[str] = frozenset()
    title_before: frozenset[str] = frozenset()
    # Its terms in the order in which they were written.
    listed: Sequence[str] = ()
    texts: dict[str, Part] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    replaced: bool = False
    gone: bool = False

    def take(self, part: Part) -> None:
        """Put a part there, or take it away."""
        if part.name == "field:*":
            for name in [each for each in self.texts if each.startswith("field:")]:
                self.take(Part(name, None))
        elif part.text is None:
            if self.texts.pop(part.name, None):
                self.taken.add(part.name)
        else:
            self.texts[part.name] = part
            self.taken.discard(part.name)

    def settle(self) -> None:
        """Bring the terms to what the parts say."""
        if self.replaced:
            self.title_terms, self.terms, self.internal_terms = set(), set(), set()
        known_to_all = self.terms - self.internal_terms
        for part in self.texts.values():
            said = terms(part.text or "")
            self.terms |= said
            if not part.internal:
                known_to_all |= said
            if part.name == TITLE:
                self.title_terms |= said
        self.internal_terms = self.terms - known_to_all

    def row(self) -> tuple[Any, ...]:
        """In the order of COLUMNS."""
        found = map(texts, (sorted(self.title_terms), ordered(self.terms, self.listed), sorted(self.internal_terms)))
        return (self.workspace_id, self.ticket_id, self.requester_id, self.said_at, *found, self.position)


def ordered(terms: set[str], listed: Sequence[str]) -> list[str]:
    """The terms in order, at a third of what it costs to sort them where all of those listed in order are among them."""
    return sorted([*listed, *sorted(terms.difference(listed))]) if terms.issuperset(listed) else sorted(terms)


class TicketSearch(ReadModel):
    """One document a ticket that is not deleted, the texts that it comes of, and the words that a desk uses."""

    NAME = "ticket_search"
    VERSION = 3
    EVENTS = (*SAYING, e.TicketRequesterSet, e.TicketErasureRequested)
    OPENS = tuple(kind for kind in SAYING if kind.CONTENT)
    LEISURE = 0.4
    URGENT = (e.TicketErasureRequested, messages.TicketMessageRedacted, messages.TicketAttachmentRemoved)
    TABLES = f"""
        CREATE TABLE ticket_search (
            workspace_id uuid NOT NULL, ticket_id uuid PRIMARY KEY, requester_id uuid, said_at timestamptz NOT NULL,
            title_terms text[] NOT NULL, terms text[] NOT NULL, internal_terms text[] NOT NULL, position bigint NOT NULL
        );
        CREATE TABLE ticket_search_parts (
            workspace_id uuid NOT NULL, ticket_id uuid NOT NULL, part text NOT NULL, message_id uuid,
            internal boolean NOT NULL, body text NOT NULL, PRIMARY KEY (ticket_id, part)
        );
        CREATE TABLE ticket_search_terms (
            workspace_id uuid NOT NULL, term text COLLATE "C" NOT NULL, tickets bigint NOT NULL, titles bigint NOT NULL,
            PRIMARY KEY (workspace_id, term)
        );
        {WAYS}{HITS}"""
    INDEXES = """
        CREATE INDEX IF NOT EXISTS by_terms ON ticket_search USING gin (workspace_id, terms) WITH (gin_pending_list_limit = 512);
        CREATE INDEX IF NOT EXISTS by_title ON ticket_search USING gin (workspace_id, title_terms) WITH (gin_pending_list_limit = 512);
        CREATE INDEX IF NOT EXISTS by_said ON ticket_search (workspace_id, said_at, ticket_id);
        CREATE INDEX IF NOT EXISTS by_requester ON ticket_search (workspace_id, requester_id, said_at, ticket_id)"""
    COMMENTS: ClassVar[dict[str, str]] = {
        "ticket_search": "What each ticket that is not deleted can be found by.",
        "ticket_search.workspace_id": "The desk that it belongs to.",
        "ticket_search.ticket_id": "The ticket.",
        "ticket_search.requester_id": "The customer it is for, or NULL.",
        "ticket_search.said_at": "When something was last written on it that can be searched.",
        "ticket_search.title_terms": "Words of its title; of scripts without spaces, characters and pairs of them.",
        "ticket_search.terms": "The same of all its texts.",
        "ticket_search.internal_terms": "Those of them that only internal texts have.",
        "ticket_search.position": "Position in the log of the newest event in it.",
        "ticket_search_parts": "The texts that tickets are searched by, redacted and deleted ones not among them.",
        "ticket_search_parts.workspace_id": "The desk that it belongs to.",
        "ticket_search_parts.ticket_id": "The ticket.",
        "ticket_search_parts.part": "Which text: number, title, description, field:KEY, said:VERSION or file:ID.",
        "ticket_search_parts.message_id": "The message that it is of, or NULL.",
        "ticket_search_parts.internal": "Whether requesters must not find the ticket by it.",
        "ticket_search_parts.body": "The text.",
        "ticket_search_terms": "The words that a desk's tickets use; of scripts without spaces, characters and pairs of them.",
        "ticket_search_terms.workspace_id": "The desk.",
        "ticket_search_terms.term": "The word as it is compared: NFKC, case folded. Empty: all tickets.",
        "ticket_search_terms.tickets": "How many tickets have it.",
        "ticket_search_terms.titles": "How many have it in their title.",
    }

    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Fold the page on the documents as they are, then write each touched one once."""
        documents = _known(db, page)
        for recorded in page:
            fold(documents, recorded)
        for document in documents.values():
            document.settle()
        _count_terms(db, documents.values())
        _write(db, documents.values())


def fold(documents: dict[UUID, Document], recorded: Recorded[Event]) -> None:
    """Bring the ticket's document to after the event; what it has seen already changes nothing."""
    document = documents.get(recorded.stream_id)
    if document is None:
        # Anything else of an unknown ticket: it was deleted later on, and this page is being applied again.
        if isinstance(recorded.event, e.TicketOpened):
            documents[recorded.stream_id] = _opened(recorded, recorded.event)
        return
    if recorded.position <= document.position:
        return
    document.position = recorded.position
    match event := recorded.event:
        case e.TicketErasureRequested():
            document.gone = True
        case e.TicketRequesterSet():
            document.requester_id = event.requester_id
        case undoing.TicketUndone() if "requester_id" in event.restored:
            wanted = event.restored["requester_id"]
            document.requester_id = UUID(wanted) if wanted else None
        case messages.TicketMessageRedacted():
            for part in [each for each in document.texts.values() if each.message_id == event.message_id]:
                document.take(part._replace(text=None))
    _say(document, recorded)


def _say(document: Document, recorded: Recorded[Event]) -> None:
    said = list(parts(recorded))
    for part in said:
        document.take(part)
    if said:
        document.said_at = recorded.metadata.occurred_at


def _opened(recorded: Recorded[Event], event: e.TicketOpened) -> Document:
    place = (recorded.metadata.workspace_id, recorded.stream_id, event.requester_id, recorded.metadata.occurred_at)
    document = Document(*place, set(), set(), set(), recorded.position, replaced=True)
    _say(document, recorded)
    return document


def _known(db: Cursor[Any], page: Page) -> dict[UUID, Document]:
    touched = {recorded.stream_id for recorded in page}
    replaced = {recorded.stream_id for recorded in page if isinstance(recorded.event, REPLACES)}
    found: dict[UUID, Document] = {}
    query = f"SELECT {', '.join(COLUMNS)} FROM ticket_search WHERE ticket_id = ANY(%s)"  # noqa: S608 - our own column names
    for row in db.execute(query.encode(), [list(touched)], binary=True):
        workspace, ticket, requester, said_at, *sets, position = row
        title, everything, internal = map(set, sets)
        found[ticket] = Document(
            workspace,
            ticket,
            requester,
            said_at,
            title,
            everything,
            internal,
            position,
            frozenset(everything | {""}),
            frozenset(title),
            sets[1],
        )
    for ticket, part in _texts(db, replaced & found.keys()):
        found[ticket].texts[part.name] = part
    for ticket in replaced & found.keys():
        found[ticket].replaced = True
    return found


def _texts(db: Cursor[Any], tickets: set[UUID]) -> Iterator[tuple[UUID, Part]]:
    if tickets:
        query = (
            "SELECT ticket_id, part, body, internal, message_id FROM ticket_search_parts WHERE ticket_id = ANY(%s) "
            "ORDER BY ticket_id, part"
        )
        for ticket, *part in db.execute(query, [list(tickets)]):
            yield ticket, Part(*part)


def _count_terms(db: Cursor[Any], documents: Iterable[Document]) -> None:
    """How rare a term is decides how it is looked for; of what is gone for ever no term must stay behind."""
    counts: dict[UUID, tuple[Counter[str], Counter[str]]] = {}
    for document in documents:
        tickets, titles = counts.setdefault(document.workspace_id, (Counter(), Counter()))
        _differ(tickets, document.before, set() if document.gone else document.terms | {""})
        _differ(titles, document.title_before, set() if document.gone else document.title_terms)
    for workspace, (tickets, titles) in sorted(counts.items()):
        said = sorted(term for term in tickets.keys() | titles.keys() if tickets[term] or titles[term])
        # A page has a thousand of them: as arrays they need no table to be copied through.
        more = [Texts(said), Ints([tickets[term] for term in said]), Ints([titles[term] for term in said])]
        db.execute(_COUNT, [workspace, *more])
        if fewer := [term for term in said if tickets[term] < 0]:
            db.execute(_FORGET, [workspace, Texts(fewer)])


_COUNT = """
    INSERT INTO ticket_search_terms AS t (workspace_id, term, tickets, titles)
    SELECT %s, * FROM unnest(%s::text[], %s::int[], %s::int[])
    ON CONFLICT (workspace_id, term) DO UPDATE SET tickets = t.tickets + excluded.tickets, titles = t.titles + excluded.titles
"""
_FORGET = "DELETE FROM ticket_search_terms WHERE workspace_id = %s AND term = ANY(%s) AND tickets <= 0"


def _differ(counts: Counter[str], before: AbstractSet[str], after: AbstractSet[str]) -> None:
    counts.update(after - before)
    counts.subtract(before - after)


def _write(db: Cursor[Any], documents: Iterable[Document]) -> None:
    kept = [document for document in documents if not document.gone]
    upsert(db, "ticket_search", COLUMNS, [document.row() for document in kept], NEWER)
    texts = [
        (document.workspace_id, document.ticket_id, part.name, part.message_id, part.internal, cast("str", part.text))
        for document in kept
        for part in document.texts.values()
    ]
    upsert(db, "ticket_search_parts", PART_COLUMNS, texts, "(ticket_id, part) DO UPDATE SET {updates}")
    taken = [(document.ticket_id, name) for document in kept for name in sorted(document.taken)]
    if taken:
        db.execute(
            "DELETE FROM ticket_search_parts p USING unnest(%s::uuid[], %s::text[]) AS gone (ticket_id, part) "
            "WHERE p.ticket_id = gone.ticket_id AND p.part = gone.part",
            [[ticket for ticket, _ in taken], [name for _, name in taken]],
        )
    if gone := [document.ticket_id for document in documents if document.gone]:
        for table in ("ticket_search", "ticket_search_parts"):
            db.execute(f"DELETE FROM {table} WHERE ticket_id = ANY(%s)".encode(), [gone])  # noqa: S608
