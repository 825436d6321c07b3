"""When and how a person is told: channels, quiet hours, digests, over changes of the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import NotAllowed
from domain.inbox.preferences import USUALLY, Channel, Digest, Kind, Preferences, Quiet
from domain.setup.notifications import NotificationsSet, SetNotifications
from tests.domain.kit import ANN, BOB, given, person

NIGHT = Quiet(starts=22 * 60, ends=8 * 60)
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_what_is_meant_for_one_person_is_mailed_unless_they_say_otherwise():
    assert USUALLY.ways([Kind.FOLLOWED]) == (Channel.INBOX,)
    assert USUALLY.ways([Kind.FOLLOWED, Kind.MENTIONED]) == (Channel.INBOX, Channel.MAIL)
    wishes = Preferences(channels={Kind.MENTIONED: (Channel.MAIL,), Kind.FOLLOWED: ()})
    assert wishes.ways([Kind.FOLLOWED]) == ()
    assert wishes.ways([Kind.FOLLOWED, Kind.MENTIONED]) == (Channel.MAIL,)


@pytest.mark.parametrize(
    ("happened", "mailed"),
    [
        ("2026-11-22T13:59", "2026-11-22T13:59"),  # 21:59 there
        ("2026-11-22T14:00", "2026-11-23T00:00"),  # 22:00: quiet begins
        ("2026-11-22T20:00", "2026-11-23T00:00"),  # 04:00, past midnight
        ("2026-11-22T23:59", "2026-11-23T00:00"),
        ("2026-11-23T00:00", "2026-11-23T00:00"),  # 08:00: it is over
    ],
)
def test_no_mail_in_quiet_hours(happened, mailed):
    assert Preferences(quiet=NIGHT, zone=SHANGHAI).mailed_at(at(happened)) == at(mailed)


def test_a_digest_goes_out_at_the_full_hour_or_at_its_minute():
    assert Preferences(digest=Digest(every="hour")).mailed_at(at("2026-11-22T13:20")) == at("2026-11-22T14:00")
    daily = Preferences(digest=Digest(every="day", at=9 * 60), zone=SHANGHAI)
    assert daily.mailed_at(at("2026-11-22T00:59")) == at("2026-11-22T01:00")
    assert daily.mailed_at(at("2026-11-22T01:00")) == at("2026-11-23T01:00")


def test_a_digest_that_falls_into_quiet_hours_waits_for_their_end():
    wishes = Preferences(quiet=NIGHT, digest=Digest(every="hour"), zone=SHANGHAI)
    assert wishes.mailed_at(at("2026-11-22T13:30")) == at("2026-11-23T00:00")


def test_an_end_that_the_clock_shows_twice_is_not_before_what_happened():
    # 02:30 comes twice on that night; it is 02:40 the first time.
    early = Preferences(quiet=Quiet(starts=0, ends=150), zone=BERLIN)
    assert early.mailed_at(at("2026-10-25T00:10")) == at("2026-10-25T00:30")
    assert early.mailed_at(at("2026-10-25T01:05")) == at("2026-10-25T01:30")


@for_all(
    st.integers(0, 366 * 24 * 60),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["UTC", SHANGHAI, BERLIN, "Asia/Kathmandu", "America/St_Johns"]),
    st.sampled_from([None, Digest(every="hour"), Digest(every="day", at=150)]),
)
def test_a_mail_is_never_early_and_never_two_days_late(minutes, starts, ends, zone, digest):
    quiet = Quiet(starts=starts, ends=ends) if starts != ends else None
    happened = at("2026-01-01T00:00") + timedelta(minutes=minutes)
    mailed = Preferences(quiet=quiet, zone=zone, digest=digest).mailed_at(happened)
    assert happened <= mailed <= happened + timedelta(days=2, hours=2)
    # Out of quiet hours it would go out at once.
    assert Preferences(quiet=quiet, zone=zone).mailed_at(mailed) == mailed


def test_quiet_all_day_is_no_quiet_hours():
    with pytest.raises(ValidationError):
        Quiet(starts=60, ends=60)


def test_people_set_their_own_and_admins_anybodys():
    wishes = Preferences(quiet=NIGHT, zone=SHANGHAI, language="zh-CN")
    asked = {"person_id": ANN, "preferences": wishes}
    set_ = NotificationsSet(person_id=ANN, preferences=wishes, previous=USUALLY)
    for who in ("ann", "admin"):
        desk = given().when(SetNotifications, by=person(who), **asked).then(set_)
        assert desk.people[ANN].notifications == wishes
    given().when(SetNotifications, by=person("bob"), **asked).then_refused(NotAllowed)
    given(set_).when(SetNotifications, by=person("ann"), **asked).then_nothing()
    given(set_).when(SetNotifications, by=person("bob"), person_id=BOB, preferences=USUALLY).then_nothing()
