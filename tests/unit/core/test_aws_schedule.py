"""AWS's cron and rate expressions: the next time, the last one, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.aws_schedule import Cron, Rate, ScheduleError, parse_schedule

SUNDAY = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)


def cron(text: str) -> Cron:
    found = parse_schedule(f"cron({text})")
    assert isinstance(found, Cron)
    return found


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("0 2 * * ? *", "2026-11-23 02:00"),
        ("30 11 * * ? *", "2026-11-22 11:30"),
        ("0 11 * * ? *", "2026-11-23 11:00"),
        ("0/15 8-17 ? * MON-FRI *", "2026-11-23 08:00"),
        ("15,45 * * * ? *", "2026-11-22 11:15"),
        ("0 0 1 JAN ? *", "2027-01-01 00:00"),
        ("0 0 L * ? *", "2026-11-30 00:00"),
        ("0 0 L-2 * ? *", "2026-11-28 00:00"),
        ("0 0 LW * ? *", "2026-11-30 00:00"),
        ("0 0 29W * ? *", "2026-11-30 00:00"),
        ("0 0 28W * ? *", "2026-11-27 00:00"),
        ("0 10 ? * 2#1 *", "2026-12-07 10:00"),
        ("0 10 ? * 6L *", "2026-11-27 10:00"),
        ("0 10 ? * SUN *", "2026-11-29 10:00"),
        ("0 10 ? * L *", "2026-11-28 10:00"),
        ("0 10 ? * FRI-MON *", "2026-11-23 10:00"),
        ("0 0 29 2 ? *", "2028-02-29 00:00"),
        ("0 0 1 1 ? 2030/5", "2030-01-01 00:00"),
    ],
)
def test_cron_gives_the_next_time(text: str, following: str) -> None:
    assert cron(text).next_after(SUNDAY) == datetime.fromisoformat(f"{following}+00:00")


def test_cron_gives_the_last_time_up_to_and_with_a_moment() -> None:
    assert cron("0 11 * * ? *").latest(SUNDAY) == SUNDAY
    assert cron("1 11 * * ? *").latest(SUNDAY) == SUNDAY - timedelta(hours=23, minutes=59)


def test_cron_of_the_past_has_no_next_time_and_cron_of_the_future_no_last() -> None:
    assert cron("0 10 * * ? 2020").next_after(SUNDAY) is None
    assert cron("0 10 * * ? 2030").latest(SUNDAY) is None


def test_moments_in_other_zones_are_compared_as_instants() -> None:
    from zoneinfo import ZoneInfo

    there = SUNDAY.astimezone(ZoneInfo("Asia/Tokyo"))
    assert cron("0 12 * * ? *").next_after(there) == SUNDAY + timedelta(hours=1)


def test_a_time_that_was_missed_is_due_once() -> None:
    daily = cron("0 2 * * ? *")
    assert daily.is_due(SUNDAY, last=None)
    assert daily.is_due(SUNDAY, last=SUNDAY - timedelta(days=3))
    assert not daily.is_due(SUNDAY, last=SUNDAY - timedelta(hours=1))


def test_a_rate_counts_from_the_last_time() -> None:
    rate = parse_schedule("rate(12 hours)")
    assert rate == Rate("rate(12 hours)", 43_200)
    assert rate.is_due(SUNDAY, last=None)
    assert not rate.is_due(SUNDAY, last=SUNDAY - timedelta(hours=11))
    assert rate.is_due(SUNDAY, last=SUNDAY - timedelta(hours=12))
    assert rate.next_after(SUNDAY, last=SUNDAY) == SUNDAY + timedelta(hours=12)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("every day", "is not a schedule"),
        ("rate(1 days)", "rate(1 day)"),
        ("rate(5 minute)", "rate(5 minutes)"),
        ("rate(0 days)", "is not a schedule"),
        ("cron(0 2 * * ?)", "5 fields"),
        ("cron(0 2 * * * *)", "exactly one of the two is ?"),
        ("cron(0 2 ? * ? *)", "exactly one of the two is ?"),
        ("cron(60 2 * * ? *)", "0 to 59"),
        ("cron(0 24 * * ? *)", "0 to 23"),
        ("cron(0 2 32 * ? *)", "1 to 31"),
        ("cron(0 2 * FOO ? *)", "month"),
        ("cron(0 2 ? * 8 *)", "1 to 7"),
        ("cron(0/x 2 * * ? *)", "step"),
        ("cron(0/0 2 * * ? *)", "step"),
        ("cron(0 2 40W * ? *)", "day of month"),
    ],
)
def test_what_is_no_schedule_is_refused_with_its_reason(text: str, told: str) -> None:
    with pytest.raises(ScheduleError, match=r"(?s).*") as raised:
        parse_schedule(text)
    assert told in str(raised.value)


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.sampled_from(["*", "1-5", "L", "15W", "?"]),
    st.sampled_from(["*", "3", "JAN-JUN", "*/2"]),
    st.integers(0, 50 * 365 * 24 * 60),
)
def test_the_last_time_before_the_next_one_is_never_after_the_moment(
    minute: int, hour: int, day: str, month: str, minutes: int
) -> None:
    moment = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    weekday = "MON,WED" if day == "?" else "?"
    schedule = cron(f"{minute} {hour} {day} {month} {weekday} *")
    following, last = schedule.next_after(moment), schedule.latest(moment)
    assert following is not None
    assert last is not None
    assert last <= moment < following
    assert schedule.latest(following) == following
    assert schedule.latest(following - timedelta(microseconds=1)) == last
