"""RequesterCards: customers and organisations as lists show them."""

from contextlib import closing
from uuid import UUID, uuid4

import pytest

from domain.organisation import AddOrganisation, ChangeOrganisation, EraseOrganisation
from domain.requester import ChangeRequester, EraseRequester, RegisterRequester
from domain.requester_ties import BlockRequester, MergeRequester
from domain.setup.organisations import MergeOrganisation, UndoOrganisationMerge
from domain.setup.tags import MergeTags, RenameTag
from eventstore.desk import Desk
from eventstore.feed import read_page
from projections import builds
from projections.apply import apply_rows
from projections.requesters import RequesterCards, Wanted, email_key, organisations, page_of, phone_key
from tests.desks import an_office
from tests.projections.tables import KEYRING, built, contents, live, working

CARDS = RequesterCards()


@pytest.mark.parametrize(
    ("phone", "key"), [("+86 (10) 1234", "+86101234"), ("010-1234", "0101234"), ("n/a", None), (None, None)]
)
def test_a_number_is_found_however_it_is_punctuated(phone, key):
    assert phone_key(phone) == key
    assert email_key(" Zoe@Example.COM ") == "zoe@example.com"


async def test_customers_are_listed_found_renamed_and_forgotten(database_url):
    company, zoe, twin = uuid4(), uuid4(), uuid4()
    async with an_office(database_url) as office:
        await office.do(AddOrganisation, organisation_id=company, organisation_name="Acme", tags=("vip",))
        await office.do(ChangeOrganisation, organisation_id=company, tier="gold")
        await office.do(RegisterRequester, requester_id=zoe, requester_name="Zoe", email="Zoe@x.example", phone="+1 23")
        await office.do(ChangeRequester, requester_id=zoe, organisation_id=company, tags=("b", "vip", "a"), tier="gold")
        await office.do(RegisterRequester, requester_id=twin, requester_name="Twin")
        await office.do(RenameTag, tag="vip", to="a")
        await office.do(MergeTags, tags={"b"}, into="c")
        await office.do(MergeRequester, requester_id=twin, into=zoe)
        await office.do(BlockRequester, requester_id=zoe)
        built(database_url, CARDS)

        def listed(**wanted):
            with closing(working(database_url)) as db:
                return page_of(db.cursor(), office.workspace, Wanted(**wanted))

        newest, first = listed()
        assert (newest.name, newest.merged_into) == ("Twin", zoe)
        assert (first.tags, first.tier, first.organisation_id, first.blocked) == (["c", "a"], "gold", company, True)
        for wanted in (
            {"email": "zoe@X.example"},
            {"phone": "+1 (23)"},
            {"organisations": (company,)},
            {"tier": "gold"},
            {"tag": "a"},
        ):
            assert [card.requester_id for card in listed(**wanted)] == [zoe]
        assert listed(email="zoe@x.exampl") == listed(phone="123") == listed(tier="silver") == listed(tag="vip") == []
        assert [card.requester_id for card in listed(after=(newest.registered_at, newest.requester_id))] == [zoe]
        with closing(working(database_url)) as db:
            assert organisations(db.cursor(), office.workspace, None, 5)[0][1:] == ("Acme", "gold", None, ["a"], None)
            assert organisations(db.cursor(), office.workspace, UUID(int=2**128 - 1), 5) == []
        await office.do(EraseOrganisation, organisation_id=company, reason="asked")
        for _ in range(2):
            built(database_url, CARDS)
            assert contents(database_url, CARDS)["organisations"] == []

        await office.do(EraseRequester, requester_id=zoe, reason="asked")
        built(database_url, CARDS)
        assert [card.requester_id for card in listed()] == [twin]
        assert not any("oe" in row for row in contents(database_url, CARDS)["requester_cards"])


async def test_customers_of_merged_organisations_are_found_with_the_one_that_goes_on(database_url):
    one, two, three, apart = (UUID(int=n) for n in range(1, 5))
    asked = [(one, two), (two, three), (two, None), (two, three), (three, apart)]
    async with an_office(database_url) as office:
        for company in (one, two, three, apart):
            await office.do(AddOrganisation, organisation_id=company, organisation_name="Acme")
            await office.do(RegisterRequester, requester_id=uuid4(), requester_name="Zoe", organisation_id=company)
        built(database_url, CARDS)
        kept = []
        for company, into in asked:
            kind, more = (UndoOrganisationMerge, {}) if into is None else (MergeOrganisation, {"into": into})
            await office.do(kind, organisation_id=company, **more)
            follow(database_url)
            kept.append(merges(database_url))
        assert kept == [
            {one: (two, two)},
            {one: (two, three), two: (three, three)},
            {one: (two, two)},
            {one: (two, three), two: (three, three)},
            {one: (two, apart), two: (three, apart), three: (apart, apart)},
        ]
        with closing(working(database_url)) as db:
            known = (await office.desk.catalogue(office.workspace)).organisations
            same = page_of(db.cursor(), office.workspace, Wanted(organisations=known.records(one)))
            assert {card.organisation_id for card in same} == {one, two, three, apart}
            listed = organisations(db.cursor(), office.workspace, None, 5)
            assert [row.merged_into for row in listed] == [two, three, apart, None]
        await office.do(EraseOrganisation, organisation_id=three, reason="asked")
        follow(database_url)
        assert merges(database_url) == kept[-1]
        before = contents(database_url, CARDS)
        built(database_url, CARDS)
        assert contents(database_url, CARDS) == before


def follow(url):
    """Apply what came since."""
    with closing(working(url)) as db:
        build = live(db, CARDS)
        builds.enter(db.cursor(), build)
        apply_rows(CARDS, KEYRING, db, build, read_page(db.cursor(), build.position))


def merges(url):
    """What each merged organisation was merged into, and goes on as."""
    with closing(working(url)) as db:
        rows = db.execute("SELECT organisation_id, merged_into, goes_on_as FROM desk.organisation_merges")
        return {company: (into, end) for company, into, end in rows}


async def test_an_erased_customer_is_found_by_nothing_after_a_rebuild(database_url):
    async with Desk(database_url, KEYRING), an_office(database_url) as office:
        zoe = uuid4()
        await office.do(RegisterRequester, requester_id=zoe, requester_name="Zoe", email="zoe@x.example")
        await office.do(EraseRequester, requester_id=zoe, reason="asked")
        await office.desk.vault.destroy_key(office.workspace, zoe)
        built(database_url, CARDS)
        with closing(working(database_url)) as db:
            assert page_of(db.cursor(), office.workspace, Wanted(email="zoe@x.example")) == []
