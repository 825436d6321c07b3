"""What a webhook may wait for, and who may have it told."""

from domain.errors import NotAllowed
from domain.permissions import Permission
from domain.setup.roles import RoleSet
from domain.setup.webhooks import InvalidWebhook, SetWebhook
from domain.webhooks import WebhookDefinition
from domain.workspace import RoleChanged
from tests.domain.kit import BOB, given, person

SECRET = f"whsec_{'b25l' * 10}"
SETS_UP = RoleSet(key="builder", title="Builder", permissions=(Permission.WORKSPACE_EDIT, Permission.TICKET_VIEW))
BOB_SETS_UP = RoleChanged(person_id=BOB, role="builder", previous="agent")


def wanting(*events, **more):
    definition = WebhookDefinition(title="CRM", events=events, **more)
    return {"key": "crm", "url": "https://crm.example.com/", "secret": SECRET, "definition": definition}


def test_events_of_customers_need_the_permission_to_see_customers():
    desk, bob = given(SETS_UP, BOB_SETS_UP), person("bob")
    for name in ("requester.registered", "organisation.added"):
        refused = desk.when(SetWebhook, by=bob, **wanting("ticket.closed", name))
        refused.then_refused(NotAllowed, permission=Permission.REQUESTER_VIEW)
    assert len(desk.when(SetWebhook, by=bob, **wanting("ticket.closed", "workspace.tag_set")).events) == 2


def test_a_condition_is_about_tickets():
    urgent = {"field": "priority", "op": "is", "value": "urgent"}
    refused = given().when(SetWebhook, **wanting("ticket.closed", "workspace.tag_set", when=urgent))
    refused.then_refused(InvalidWebhook, place="when")


def test_what_is_one_persons_own_is_told_to_nobody():
    for name in ("inbox.read", "view.saved"):
        given().when(SetWebhook, **wanting(name)).then_refused(InvalidWebhook, place="events")
