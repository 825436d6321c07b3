"""The companies that customers belong to."""

from domain import organisation as o
from domain.errors import InvalidInput, NotAllowed
from domain.event import ERASED
from domain.setup.tags import TagRenamed
from domain.values import Contact
from tests.domain.kit import DESK, folded, given, id_of, person

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


ABOUT = {"organisation": id_of("acme")}
ERASING = o.OrganisationErasureRequested(reason="GDPR")


def test_an_organisation_is_forgotten_for_ever():
    state = given(ACME).when(o.EraseOrganisation, reason="GDPR").then(ERASING)
    assert (state.organisation_name, state.domains, state.contacts) == (ERASED, ERASED, ERASED)
    assert (state.tier, state.tags) == ("gold", ("vip",))
    given(ACME, ERASING).when(o.EraseOrganisation, reason="again").then_nothing()
    given(ACME, ERASING).when(o.ChangeOrganisation, tier="x").then_refused(o.OrganisationErased, **ABOUT)
    given(ACME, ERASING).when(o.AddOrganisation, organisation_name="Acme").then_refused(o.OrganisationExists)
    given().when(o.EraseOrganisation, reason="x").then_refused(o.UnknownOrganisation)
    given(ACME).when(o.EraseOrganisation, by=person("lead"), reason="x").then_refused(NotAllowed)


def test_that_its_key_is_gone_is_recorded_once_and_after_it_was_asked_for():
    assert given(ACME, ERASING).when(o.ConfirmOrganisationErasure).then(o.OrganisationWasErased()).erased
    given(ACME, ERASING, o.OrganisationWasErased()).when(o.ConfirmOrganisationErasure).then_nothing()
    given(ACME).when(o.ConfirmOrganisationErasure).then_refused(o.OrganisationErasureNotRequested, **ABOUT)
    given().when(o.ConfirmOrganisationErasure).then_refused(o.UnknownOrganisation)
