"""What notices say, and how often the telling is tried."""

from __future__ import annotations

from datetime import timedelta

from circadia.domain.notices import not_fresh, retry_after, summary


def test_telling_is_tried_ever_less_often_and_for_three_days() -> None:
    waits: list[timedelta] = []
    while (wait := retry_after(len(waits) + 1)) is not None:
        waits.append(wait)
    assert waits[:4] == [timedelta(minutes=each) for each in (1, 2, 4, 8)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=6)
    assert timedelta(days=3) <= sum(waits, timedelta(0)) < timedelta(days=3, hours=6)
    assert retry_after(1000) is None


def test_a_summary_counts_by_cause() -> None:
    told = summary("needs_reconnect", ["refused"] * 3 + ["gone"] + [None])
    assert told.message == "5 members have to connect WHOOP again (3 x refused, 1 x gone)"
    assert (told.member_id, told.type) == (None, None)
    assert summary("not_fresh", [None, None]).message == "2 members could not be brought up to date for more than a day"


def test_what_is_behind_is_named() -> None:
    assert not_fresh("alice", 1, ["sleep"], None, begun=True).message.startswith("sleep of alice could not")
    assert not_fresh("alice", 1, ["a", "b", "c"], None, begun=True).message.startswith("a, b and c of alice")
