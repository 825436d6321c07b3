"""The directory follows what is renamed, retired and restored, in the order in which it happened."""

from uuid import UUID

from domain.permissions import Permission
from domain.setup.roles import RetireRole, SetRole
from domain.setup.staff import ReactivatePerson, SetDuty, SetLoadLimit, SetSkills
from domain.setup.statuses import RenameStatus, RestoreStatus, RetireStatus
from domain.setup.teams import RenameTeam, RestoreTeam, RetireTeam
from domain.workspace import AddPerson, AddStatus, AddTeam, ChangeRole, DeactivatePerson
from projections.directory import Directory
from tests.desks import an_office
from tests.projections.tables import built, contents

DIRECTORY = Directory()


async def test_the_directory_follows_every_change(database_url):
    team, ann = UUID(int=1), UUID(int=2)
    async with an_office(database_url) as office:
        await office.do(AddTeam, team_id=team, title="Billing")
        await office.do(AddPerson, person_id=ann, person_name="Ann", role="agent")
        await office.do(AddStatus, key="parts", title="Parts", kind="pending")
        await office.do(RenameTeam, team_id=team, title="Payments")
        await office.do(RetireTeam, team_id=team)
        await office.do(RenameStatus, key="parts", title="等配件")
        await office.do(RetireStatus, key="pending")
        for skills in ({"french": 2}, {"french": 3}):
            await office.do(SetSkills, person_id=ann, skills=skills)
        await office.do(SetLoadLimit, person_id=ann, limit=7)
        await office.do(SetDuty, person_id=ann, on_duty=False)
        await office.do(SetRole, key="own", title="Own", permissions=(Permission.TICKET_VIEW,))
        await office.do(ChangeRole, person_id=ann, role="own")
        await office.do(DeactivatePerson, person_id=ann)
        built(database_url, DIRECTORY)
        rows = contents(database_url, DIRECTORY)
        who = f'({office.workspace},{ann},own,{{}},f,"{{""french"": 3}}",7,f)'
        assert who in rows["people"]
        assert f"({office.workspace},{team},Payments,f)" in rows["teams"]
        assert f"({office.workspace},parts,等配件,pending,t)" in rows["statuses"]
        assert f'({office.workspace},pending,"Waiting for customer",pending,f)' in rows["statuses"]
        assert rows["roles"] == [f"({office.workspace},own,Own,{{ticket.view}},t)"]

        await office.do(RestoreTeam, team_id=team)
        await office.do(RestoreStatus, key="pending")
        await office.do(ReactivatePerson, person_id=ann)
        await office.do(ChangeRole, person_id=ann, role="agent")
        await office.do(RetireRole, key="own")
        built(database_url, DIRECTORY)
        rows = contents(database_url, DIRECTORY)
        assert rows["teams"] == [f"({office.workspace},{team},Payments,t)"]
        assert rows["roles"] == [f"({office.workspace},own,Own,{{ticket.view}},f)"]
        assert who.replace(",own,", ",agent,").replace(",f,", ",t,") in rows["people"]
