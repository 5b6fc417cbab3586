"""Turns what happened into WHOOP records, each with the moments at which WHOOP shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from uuid import UUID

from circadia.simulator.itinerary import offset_text
from circadia.simulator.payloads import (
    cycle_score,
    head,
    instant_text,
    recovery_score,
    sleep_score,
    without_nulls,
    workout_score,
)
from circadia.simulator.people import Person
from circadia.simulator.physiology import Day, Night, Vitals
from circadia.simulator.quirks import Quirks
from circadia.simulator.running import RunningCycle
from circadia.simulator.sessions import Session
from circadia.simulator.sports import sport_id
from circadia.simulator.timeline import BEGINNING, Payload, Record, Row, Timeline, Version, whole_ms

STEPS_SINCE = datetime(2026, 9, 23, tzinfo=UTC)
"""From WHOOP's API changelog: cycles that start earlier have no `step_count`."""
V1_UNTIL = datetime(2025, 7, 1, tzinfo=UTC)
"""When v2 was launched: later records never had a v1 id."""
CALIBRATION_NIGHTS = 4
CYCLE_ID_STRIDE, FIRST_CYCLE_ID = 199_999, 1_100_000_000
PENDING, UNSCORABLE, LATE, NO_RECOVERY, NO_STEPS = 0.25, 0.004, 0.02, 0.003, 0.02
NO_SKIN, NO_SPO2, NO_CONSISTENCY = 0.012, 0.005, 0.012

Slept = tuple[datetime, datetime, Night]


@dataclass(frozen=True, slots=True)
class Publication:
    """One cycle with everything that belongs to it; `sleeps` are its main sleeps, the first leads."""

    start: datetime
    wake: datetime
    end: datetime
    zone: tzinfo
    day: Day
    sessions: Sequence[Session]
    sleeps: Sequence[Slept]
    vitals: Vitals | None
    nap: Slept | None


@dataclass(frozen=True, slots=True)
class _Open:
    """A cycle that waits for the next one to know when WHOOP closes it."""

    cycle_id: int
    appears: datetime
    scored: datetime
    cycle: Publication


class Issue:
    """One member's printing press: numbers records and adds them to the timeline."""

    def __init__(self, person: Person, timeline: Timeline, *, seed: int, quirks: Quirks) -> None:
        self._person = person
        self._timeline = timeline
        self._quirks = quirks
        self._rng = Random(f"{seed}/{person.user_id}/records")
        slot = Random(f"{seed}/cycle ids").randrange(CYCLE_ID_STRIDE) + 7919 * person.number
        self._next_cycle_id = FIRST_CYCLE_ID + slot % CYCLE_ID_STRIDE
        self._v1_id = 10_000_000 + 1_000_000 * person.number
        self._nights = 0
        self._open: _Open | None = None

    @property
    def complete_until(self) -> datetime:
        """Nothing that is yet to be published can be visible before this instant."""
        return self._open.appears if self._open else BEGINNING

    def publish(self, cycle: Publication) -> None:
        """Add a cycle's sleeps, recovery, nap and workouts; and the cycle before it, now that it ends."""
        cycle_id, self._next_cycle_id = self._next_cycle_id, self._next_cycle_id + CYCLE_ID_STRIDE
        appears = self._synced(cycle.wake, cycle.end)
        scored = self._scored(appears, cycle.end)
        self._close(appears)
        self._open = _Open(cycle_id, appears, scored, cycle)
        for index, slept in enumerate(cycle.sleeps):
            shown = appears if slept[1] == cycle.wake else min(appears, slept[1] + timedelta(minutes=9))
            self._add_main_sleep(cycle_id, cycle, slept, shown, scored, leads=index == 0)
        if cycle.sleeps:
            self._nights += 1
        if cycle.nap:
            self._add_nap(cycle_id, cycle, cycle.nap)
        for session in cycle.sessions:
            self._add_workout(cycle, session)

    def _close(self, closes: datetime) -> None:
        """Add the open cycle: pending, running, closed at `closes`, now and then corrected later."""
        if self._open is None:
            return
        opened, rng = self._open, self._rng
        cycle, person = opened.cycle, self._person
        identity: Payload = {"id": opened.cycle_id}
        identity |= head(person.user_id, opened.appears, self._offset(cycle, cycle.wake), "SCORED")
        identity |= {"start": instant_text(cycle.start), "end": None}
        if self._quirks.step_count and cycle.start >= STEPS_SINCE:
            identity["step_count"] = None if rng.random() < NO_STEPS else cycle.day.steps
        versions = []
        if opened.scored > opened.appears:
            pending = {**identity, "score_state": "PENDING_SCORE", "score": None}
            versions.append(Version(opened.appears, self._row(pending, cycle.start, None)))
        running = RunningCycle(
            payload=self._sent(identity), start=cycle.start, wake=cycle.wake, end=cycle.end,
            since=opened.scored, day=cycle.day, resting_bpm=person.traits.resting_bpm, sessions=cycle.sessions,
        )  # fmt: skip
        versions.append(Version(opened.scored, running))
        closed = {**identity, "end": instant_text(cycle.end), "score": cycle_score(cycle.day)}
        if self._happens(UNSCORABLE, self._quirks.unscorable):
            closed |= {"score_state": "UNSCORABLE", "score": None}
        versions.append(self._version(closes, closed, cycle.start, cycle.end))
        if closed["score"] and self._happens(LATE, self._quirks.late_scores):
            strain = {**closed["score"], "strain": round(closed["score"]["strain"] * 0.985, 5)}
            later = closes + self._days_later()
            versions.append(self._version(later, {**closed, "score": strain}, cycle.start, cycle.end))
        self._timeline.add(Record("cycle", str(opened.cycle_id), "", versions))

    def _add_main_sleep(
        self, cycle_id: int, cycle: Publication, slept: Slept, appears: datetime, scored: datetime, *, leads: bool
    ) -> None:
        start, end, night = slept
        sleep_id = self._uuid()
        pending = self._quirks.late_scores and leads and scored > appears
        scored = max(scored, appears)
        early = self._quirks.calibrating and self._nights < CALIBRATION_NIGHTS
        score: Payload | None = sleep_score(night, round((end - start) / timedelta(milliseconds=1)))
        if early and score:
            score |= {"sleep_performance_percentage": None, "sleep_consistency_percentage": None}
        if score and self._happens(NO_CONSISTENCY, self._quirks.missing_values):
            score["sleep_consistency_percentage"] = None
        if self._happens(UNSCORABLE, self._quirks.unscorable):
            score = None
        identity = self._sleep_identity(sleep_id, cycle_id, cycle, start, end, appears, nap=False)
        versions = self._scoring(identity, score, appears, scored if pending else appears, start, end)
        recovery: list[Version] = []
        if leads and cycle.vitals and not self._happens(NO_RECOVERY, self._quirks.missing_recoveries):
            vitals = recovery_score(cycle.vitals, calibrating=early, strap_40=self._person.strap_40)
            for name, share in (("skin_temp_celsius", NO_SKIN), ("spo2_percentage", NO_SPO2)):
                if self._happens(share, self._quirks.missing_values):
                    vitals[name] = None
            recovery = self._recovery(
                cycle_id, sleep_id, vitals if score else None, appears, scored, (start, end), pending=pending
            )
        if score and self._happens(LATE, self._quirks.late_scores):
            self._correct(versions, recovery, score, scored + self._days_later(), start, end)
        self._timeline.add(Record("sleep", sleep_id, sleep_id, versions))
        if recovery:
            self._timeline.add(Record("recovery", str(cycle_id), sleep_id, recovery))

    def _recovery(
        self,
        cycle_id: int,
        sleep_id: str,
        score: Payload | None,
        appears: datetime,
        scored: datetime,
        interval: tuple[datetime, datetime],
        *,
        pending: bool,
    ) -> list[Version]:
        """The recovery's versions: a few seconds after its sleep's."""
        moment = timedelta(milliseconds=self._rng.randrange(700, 5000))
        shown = appears + moment if pending and self._rng.random() < 0.5 else scored + moment
        identity = {"cycle_id": cycle_id, "sleep_id": sleep_id}
        identity |= head(self._person.user_id, shown, None, "SCORED")
        return self._scoring(identity, score, shown, scored + moment, *interval)

    def _correct(
        self,
        sleep: list[Version],
        recovery: list[Version],
        score: Payload,
        at: datetime,
        start: datetime,
        end: datetime,
    ) -> None:
        """WHOOP scores a night again days later: disturbances move, recovery by a few points."""
        last = sleep[-1].content
        assert isinstance(last, Row)
        stages = score["stage_summary"]
        stages = {**stages, "disturbance_count": stages["disturbance_count"] + 1}
        sleep.append(self._version(at, {**last.payload, "score": {**score, "stage_summary": stages}}, start, end))
        before = recovery[-1].content if recovery else None
        if isinstance(before, Row):
            shift = self._rng.choice((-3, -2, -1, 1, 2, 3))
            value = min(99.0, max(1.0, before.payload["score"]["recovery_score"] + shift))
            corrected = {**before.payload["score"], "recovery_score": value}
            moment = at + timedelta(milliseconds=1400)
            recovery.append(self._version(moment, {**before.payload, "score": corrected}, start, end))

    def _add_nap(self, cycle_id: int, cycle: Publication, slept: Slept) -> None:
        start, end, night = slept
        sleep_id = self._uuid()
        appears = end + timedelta(milliseconds=self._rng.randrange(3 * 60_000, 40 * 60_000))
        score = sleep_score(night, round((end - start) / timedelta(milliseconds=1)))
        identity = self._sleep_identity(sleep_id, cycle_id, cycle, start, end, appears, nap=True)
        scored = self._scored(appears, appears + timedelta(hours=3))
        versions = self._scoring(identity, score, appears, scored, start, end)
        self._timeline.add(Record("sleep", sleep_id, sleep_id, versions))

    def _add_workout(self, cycle: Publication, session: Session) -> None:
        rng = self._rng
        minutes = rng.uniform(2, 25) if rng.random() < 0.93 else rng.uniform(60, 600)
        appears = whole_ms(session.end + timedelta(minutes=minutes))
        workout_id = self._uuid()
        identity: Payload = {"id": workout_id, "v1_id": self._next_v1_id(session.start)}
        identity |= head(self._person.user_id, appears, self._offset(cycle, session.end), "SCORED")
        identity |= {
            "start": instant_text(session.start),
            "end": instant_text(session.end),
            "sport_name": session.sport,
        }
        number = sport_id(session.sport)
        if self._quirks.sport_ids and number is not None:
            identity["sport_id"] = number
        score = None if self._happens(UNSCORABLE, self._quirks.unscorable) else workout_score(session)
        scored = self._scored(appears, appears + timedelta(hours=3))
        versions = self._scoring(identity, score, appears, scored, session.start, session.end)
        self._timeline.add(Record("workout", workout_id, workout_id, versions))

    def _sleep_identity(
        self,
        sleep_id: str,
        cycle_id: int,
        cycle: Publication,
        start: datetime,
        end: datetime,
        appears: datetime,
        *,
        nap: bool,
    ) -> Payload:
        identity: Payload = {"id": sleep_id, "cycle_id": cycle_id, "v1_id": self._next_v1_id(start)}
        identity |= head(self._person.user_id, appears, self._offset(cycle, end), "SCORED")
        return identity | {"start": instant_text(start), "end": instant_text(end), "nap": nap}

    def _scoring(
        self,
        identity: Payload,
        score: Payload | None,
        appears: datetime,
        scored: datetime,
        start: datetime,
        end: datetime,
    ) -> list[Version]:
        """PENDING_SCORE at `appears` when `scored` is later, then SCORED, or UNSCORABLE without a score."""
        versions = []
        if scored > appears:
            pending = {**identity, "score_state": "PENDING_SCORE", "score": None}
            versions.append(self._version(appears, pending, start, end))
        state = "SCORED" if score else "UNSCORABLE"
        final = {**identity, "score_state": state, "score": score}
        versions.append(self._version(max(appears, scored), final, start, end))
        return versions

    def _version(self, at: datetime, payload: Payload, start: datetime, end: datetime) -> Version:
        return Version(at, self._row({**payload, "updated_at": instant_text(at)}, start, end))

    def _row(self, payload: Payload, start: datetime, end: datetime | None) -> Row:
        return Row(self._sent(payload), start, end)

    def _sent(self, payload: Payload) -> Payload:
        return payload if self._quirks.explicit_nulls else without_nulls(payload)

    def _synced(self, wake: datetime, end: datetime) -> datetime:
        """When the phone has synced after waking, and in any case before the next onset."""
        minutes = self._rng.uniform(3, 40) if self._rng.random() < 0.9 else self._rng.uniform(40, 190)
        latest = end - (end - wake) / 8
        return whole_ms(min(wake + timedelta(minutes=minutes), latest))

    def _scored(self, appears: datetime, latest: datetime) -> datetime:
        """When the score is there: mostly at once, else seconds or hours later."""
        if not self._happens(PENDING, self._quirks.late_scores):
            return appears
        minutes = self._rng.uniform(0.07, 2) if self._rng.random() < 0.8 else self._rng.uniform(10, 300)
        return whole_ms(min(appears + timedelta(minutes=minutes), appears + (latest - appears) / 2))

    def _days_later(self) -> timedelta:
        return timedelta(milliseconds=self._rng.randrange(86_400_000, 9 * 86_400_000))

    def _happens(self, share: float, switched_on: bool) -> bool:
        """Draws in any case, so that a switch changes what it names and nothing else."""
        return self._rng.random() < share and switched_on

    def _offset(self, cycle: Publication, instant: datetime) -> str:
        return offset_text(cycle.zone, instant, utc_as_z=self._quirks.utc_as_z)

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    def _next_v1_id(self, start: datetime) -> int | None:
        if not self._quirks.v1_ids or start >= V1_UNTIL:
            return None
        self._v1_id += 1
        return self._v1_id
