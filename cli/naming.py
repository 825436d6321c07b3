"""Whom an operator means by a login, an e-mail address, a name or an id."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import Cursor

from api.access import signing_in
from api.errors import ReadModelMissing
from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.event import Actor
from domain.staff import Person
from projections.requesters import Wanted, page_of

Kind = TypeVar("Kind", bound=str)

_CALLED = {
    "requester": "SELECT requester_id FROM desk.requester_cards WHERE workspace_id = %s AND name = %s AND NOT erased LIMIT 2",
    # One that was merged often has the name of the other, which is the one that is meant then.
    "organisation": """
        WITH called AS (SELECT organisation_id, m.organisation_id IS NOT NULL AS merged FROM desk.organisations
            LEFT JOIN desk.organisation_merges m USING (workspace_id, organisation_id) WHERE workspace_id = %s AND name = %s)
        SELECT organisation_id FROM called WHERE NOT merged OR (SELECT bool_and(merged) FROM called) LIMIT 2""",
}
_HINTS = {
    "person": "Give the login, e-mail address, name or id of somebody of the desk; see `ledgerdesk user list`.",
    "team": "Give the name or id of a team.",
    "requester": "Give the login, e-mail address, name or id of a requester.",
    "organisation": "Give the name or id of an organisation.",
    "actor": "Give the login, e-mail address, name or id of somebody of the desk or of a requester; see `ledgerdesk user list`.",
    "assignee": 'Give a person or a team, `nobody`, or JSON like {"role": "lead"}.',
}


class Register:
    """Everybody of a workspace by name. `query` reads requesters and organisations, which the catalogue does not have."""

    def __init__(self, workspace: UUID, desk: Catalogue, query: Callable[[Callable[[Cursor[Any]], Any]], Any]) -> None:
        self.workspace, self.desk, self._query = workspace, desk, query

    def actor(self, who: str) -> Actor:
        """The person of the desk, or else the requester, as who acts."""
        kind, found = self._either("--as", ("person", "requester"), who, _HINTS["actor"])
        return Actor(kind=kind, id=str(found))

    def person(self, field: str, who: str) -> UUID:
        """The person of the desk, or InvalidInput."""
        return self.find(field, "person", who)

    def find(self, field: str, kind: str, text: str) -> UUID:
        """The id of whom the text means; InvalidInput where that is nobody, or several."""
        found = self._known(kind, text)
        if len(found) == 1:
            return found[0]
        known = "several have that name" if found else f"is no {kind} here"
        raise InvalidInput(field=field, reason=f"{known}. {_HINTS[kind]}")

    def assignee(self, field: str, text: str) -> dict[str, str]:
        """Whom a ticket is to go to: a person, a team, or nobody."""
        if text == "nobody":
            return {}
        kind, found = self._either(field, ("person", "team"), text, _HINTS["assignee"])
        return {kind: str(found)}

    def _either(self, field: str, kinds: tuple[Kind, Kind], text: str, hint: str) -> tuple[Kind, UUID]:
        """The first kind that has somebody of that name, and who it is."""
        for kind in kinds:
            if found := self._known(kind, text):
                if len(found) == 1:
                    return kind, found[0]
                raise InvalidInput(field=field, reason=f"several have that name. {hint}")
        raise InvalidInput(field=field, reason=f"is neither a {kinds[0]} nor a {kinds[1]} here. {hint}")

    def _known(self, kind: str, text: str) -> list[UUID]:
        if kind == "team":
            return [team.id for team in self.desk.teams.values() if text in (str(team.id), team.name)]
        if kind == "person":
            called = [person.id for person in self.desk.people.values() if _called(person, text)]
            return called if _is_id(text) else self._with_login(called, text, here=True)
        if _is_id(text):
            return [UUID(text)]
        found = list(self._query(lambda db: self._listed(db, kind, text)))
        return self._with_login(found, text, here=False) if kind == "requester" else found

    def _with_login(self, called: list[UUID], login: str, *, here: bool) -> list[UUID]:
        """Those, and who signs in with it; `here` at the desk, else as a customer."""
        owners = self._query(lambda db: signing_in(db, self.workspace, login))
        return list(dict.fromkeys([*called, *(each for each in owners if (each in self.desk.people) is here)]))

    def _listed(self, db: Cursor[Any], kind: str, text: str) -> list[UUID]:
        try:
            if kind == "requester" and "@" in text:
                return [card.requester_id for card in page_of(db, self.workspace, Wanted(email=text, limit=2))]
            rows = db.execute(_CALLED[kind].encode(), [self.workspace, text])
            return [found for (found,) in rows]
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            raise ReadModelMissing() from None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _called(person: Person, text: str) -> bool:
    email = person.email if isinstance(person.email, str) else ""
    return text in (str(person.id), person.name) or (bool(email) and email.casefold() == text.casefold())
