"""What is erased is gone from the files of exports too."""

from uuid import UUID

from domain.ticket.commands import EraseTicket
from domain.ticket.drafting import DiscardDraft, DraftTicket
from eventstore.database import Role, connect
from eventstore.erasure import erase
from tests.desks import Office, an_office
from tests.processors.jobs import asked, at_work, ended
from tests.projections.tables import built


def files(url: str, job: UUID) -> int:
    with connect(url, Role.WORKER) as db:
        (found,) = db.execute("SELECT count(*) FROM jobs.files WHERE file_id = %s", [job]).fetchone() or (0,)
    return int(found)


async def exported(office: Office, url: str) -> UUID:
    job = await asked(office, "export", format="csv")
    assert (await ended(url, job))["has_file"]
    return job


async def test_a_deleted_ticket_is_in_no_file_that_can_still_be_had(database_url):
    async with an_office(database_url) as office, an_office(database_url, "other") as other:
        await office.ticket("T-1", title="unspeakable")
        await other.ticket("T-1", title="theirs")
        draft = await office.do(DraftTicket, title="never sent")
        built(database_url)
        with at_work(database_url):
            ours, theirs = await exported(office, database_url), await exported(other, database_url)
        await erase(office.desk, office.command(DiscardDraft, number=draft.number))
        assert files(database_url, ours) == 1
        await erase(office.desk, office.command(EraseTicket, number="T-1", reason="asked"))
        assert (files(database_url, ours), files(database_url, theirs)) == (0, 1)
