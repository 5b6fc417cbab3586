"""The catalogue: one row per record type.

Parsing, table, upsert, deletion, routes, cadence and scope are read from here; no code elsewhere asks which type it
has in hand. Adding a type is a model, a row here, a migration and a payload fixture.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from circadia.domain.records import Body, Cycle, Profile, Record, Recovery, Sleep, Workout

PAGE_LIMIT = 25
"""Most records WHOOP puts on one page."""


@dataclass(frozen=True, slots=True)
class Link:
    """A column that names a record of another type by its key."""

    column: str
    type: str


@dataclass(frozen=True, slots=True)
class RecordType:
    """What Circadia knows of one WHOOP record type.

    path         its collection (or, for a singleton, its only document)
    item         one record by its own columns; None where WHOOP has no such route
    key          the column that identifies it within a member
    links        other records it names; their days move with it
    dies_with    the link whose deletion takes this record along
    scope        the OAuth scope that opens it
    every        cadence of the scheduled sync, and the relaxed one where webhooks arrive
    compared     longest time between two looks at its newest page (or its document), whoever looks
    at_waking    whether new ones appear, and old ones change, when the member wakes
    tells_waking whether its records end when the member wakes
    own_day      the instant whose local date it belongs to while no cycle says otherwise: a column and what is added
    push         the noun in WHOOP's webhook types, None where there is no webhook
    tells_of     types without webhooks that change with it
    pushed_as    the column whose value a webhook about it carries
    daily        whether somebody who wears the strap has one for every day
    """

    name: str
    table: str
    model: type[Record]
    path: str
    key: str
    scope: str
    every: timedelta
    every_with_push: timedelta
    compared: timedelta
    item: str | None = None
    links: tuple[Link, ...] = ()
    dies_with: Link | None = None
    own_day: tuple[str, timedelta] | None = None
    push: str | None = None
    pushed_as: str = "id"
    daily: bool = False
    at_waking: bool = False
    tells_waking: bool = False
    tells_of: tuple[str, ...] = ()

    @property
    def collection(self) -> bool:
        """Whether WHOOP serves pages of it (otherwise it is a single document)."""
        return "updated_at" in self.model.model_fields

    @property
    def timed(self) -> bool:
        """Whether its records carry their own interval."""
        return "start" in self.model.model_fields

    @property
    def scored(self) -> bool:
        """Whether its records have a score state."""
        return "score_state" in self.model.model_fields

    @property
    def columns(self) -> tuple[str, ...]:
        """The typed columns, in the order of the model."""
        return tuple(self.model.model_fields)


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

CATALOG: tuple[RecordType, ...] = (
    RecordType(
        name="cycle",
        table="cycles",
        model=Cycle,
        path="/v2/cycle",
        item="/v2/cycle/{id}",
        key="id",
        own_day=("start", 12 * _HOUR),
        daily=True,
        scope="read:cycles",
        every=15 * _MINUTE,
        every_with_push=_HOUR,
        compared=_DAY,
        at_waking=True,
    ),
    RecordType(
        name="sleep",
        table="sleeps",
        model=Sleep,
        path="/v2/activity/sleep",
        item="/v2/activity/sleep/{id}",
        key="id",
        own_day=("end", timedelta(0)),
        scope="read:sleep",
        every=15 * _MINUTE,
        every_with_push=6 * _HOUR,
        compared=_DAY,
        at_waking=True,
        tells_waking=True,
        links=(Link("cycle_id", "cycle"),),
        push="sleep",
        daily=True,
    ),
    RecordType(
        name="recovery",
        table="recoveries",
        model=Recovery,
        path="/v2/recovery",
        item="/v2/cycle/{cycle_id}/recovery",
        key="cycle_id",
        scope="read:recovery",
        every=15 * _MINUTE,
        every_with_push=6 * _HOUR,
        compared=_DAY,
        at_waking=True,
        links=(Link("cycle_id", "cycle"), Link("sleep_id", "sleep")),
        dies_with=Link("sleep_id", "sleep"),
        push="recovery",
        tells_of=("cycle",),
        pushed_as="sleep_id",
        daily=True,
    ),
    RecordType(
        name="workout",
        table="workouts",
        model=Workout,
        path="/v2/activity/workout",
        item="/v2/activity/workout/{id}",
        key="id",
        own_day=("start", timedelta(0)),
        scope="read:workout",
        every=15 * _MINUTE,
        every_with_push=6 * _HOUR,
        compared=2 * _DAY,
        push="workout",
    ),
    RecordType(
        name="profile",
        table="profiles",
        model=Profile,
        path="/v2/user/profile/basic",
        key="user_id",
        scope="read:profile",
        every=30 * _DAY,
        every_with_push=30 * _DAY,
        compared=30 * _DAY,
    ),
    RecordType(
        name="body_measurement",
        table="body_measurements",
        model=Body,
        path="/v2/user/measurement/body",
        key="observed_on",
        scope="read:body_measurement",
        every=30 * _DAY,
        every_with_push=30 * _DAY,
        compared=30 * _DAY,
    ),
)

BY_NAME = {each.name: each for each in CATALOG}
COLLECTIONS = tuple(each for each in CATALOG if each.collection)
SINGLETONS = tuple(each for each in CATALOG if not each.collection)
SCOPES = ("offline", *(each.scope for each in CATALOG))
"""What Circadia asks for at consent; `offline` is what makes WHOOP hand out a refresh token."""


def linked_to(target: RecordType) -> tuple[tuple[RecordType, Link], ...]:
    """The types that name `target`, with the link they do it by."""
    return tuple((each, link) for each in CATALOG for link in each.links if link.type == target.name)


def told_of(type_: RecordType) -> tuple[RecordType, ...]:
    """What a webhook about `type_` tells of: the type itself and those that change with it without one of their own.
    A type with webhooks of its own is left to them, so that a burst costs each type one request, and a nap only one."""
    names = {type_.name, *type_.tells_of}
    return tuple(each for each in CATALOG if each.name in names)


def allowed(types: tuple[RecordType, ...], scopes: frozenset[str]) -> tuple[RecordType, ...]:
    """Those of `types` that a grant of `scopes` opens."""
    return tuple(each for each in types if each.scope in scopes)
