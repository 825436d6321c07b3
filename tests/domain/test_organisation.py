"""The companies that customers belong to."""

from domain import organisation as o
from domain.errors import InvalidInput
from domain.setup.tags import TagRenamed
from domain.values import Contact
from tests.domain.kit import DESK, folded, given, id_of

CONTACTS = (Contact(kind="Office", value="+86 10 4321"),)
KNOWN = {"domains": ("acme.example",), "contacts": CONTACTS, "tier": "gold", "plan": "premium", "tags": ("vip",)}
ACME = o.OrganisationAdded(organisation_name="Acme", **KNOWN)


def test_an_organisation_is_added_once():
    asked = {"organisation_name": "Acme", **KNOWN, "domains": ("@ACME.example", "acme.example")}
    assert given().when(o.AddOrganisation, **asked).then(ACME).tier == "gold"
    given(ACME).when(o.AddOrganisation, **asked).then_refused(o.OrganisationExists, organisation=id_of("acme"))


def test_what_is_not_given_stays():
    changed = o.OrganisationChanged(organisation_name="Acme Ltd", **KNOWN | {"tier": None})
    given(ACME).when(o.ChangeOrganisation, organisation_name="Acme Ltd", clear={"tier"}).then(changed)
    given(ACME).when(o.ChangeOrganisation, organisation_name="Acme", domains=("ACME.example",)).then_nothing()
    given(ACME).when(o.ChangeOrganisation, tier="x", clear={"tier"}).then_refused(InvalidInput, field="clear")
    given().when(o.ChangeOrganisation, tier="x").then_refused(o.UnknownOrganisation)


def test_its_tags_have_their_present_names():
    desk = folded(DESK, TagRenamed(tag="vip", to="VIP"))
    given(ACME, desk=desk).when(o.ChangeOrganisation, tags=("vip", "VIP")).then(
        o.OrganisationChanged(organisation_name="Acme", **KNOWN | {"tags": ("VIP",)})
    )
