"""How people of the desk want to be told (E6): kept with the person, so that what is told follows from the log alone."""

from dataclasses import replace

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.granting import must_be_allowed
from domain.inbox.preferences import Preferences
from domain.permissions import Permission
from domain.setup.staff import PersonCommand, PersonEvent


class NotificationsSet(PersonEvent, name="workspace.notifications_set", version=1):
    """How a person wants to be told from now on; all of it."""

    preferences: Preferences
    previous: Preferences


class SetNotifications(PersonCommand):
    """Say how one wants to be told: by which channels, when not, and whether mails are gathered."""

    preferences: Preferences


@decides(SetNotifications, needs=Permission.WORKSPACE_VIEW)
def set_notifications(command: SetNotifications, desk: Catalogue, _: Catalogue) -> Decision:
    """One's own, or as an admin anybody's. No change, no event."""
    person = desk.person(command.person_id)
    if not command.by.trusted and command.by.id != str(person.id):
        must_be_allowed(command, Permission.ACCESS_EDIT, desk)
    if command.preferences == person.notifications:
        return []
    return [NotificationsSet(person_id=person.id, preferences=command.preferences, previous=person.notifications)]


@evolves(NotificationsSet)
def _(desk: Catalogue, event: NotificationsSet) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], notifications=event.preferences))
