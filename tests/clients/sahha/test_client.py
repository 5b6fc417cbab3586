"""What is asked of Sahha, and how its lists are read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from circadia import __version__
from circadia.clients.sahha.parsing import MODELS, listing
from circadia.domain.sahha import Biomarker, Score
from circadia.errors import NotFound, UnexpectedReply
from circadia.simulator.clock import StandingClock
from tests.clients.sahha.sahha import Sahha, client, read

FIRST, LAST = date(2026, 11, 18), date(2026, 11, 20)
DATES = [("startDateTime", "2026-11-18"), ("endDateTime", "2026-11-20")]
TYPES = [("types", each) for each in ("activity", "sleep", "readiness", "mental_wellbeing", "wellbeing")]
SCORE: dict[str, Any] = read("scores.json")[0]
STEPS: dict[str, Any] = read("biomarkers.activity.json")[0]


@pytest.mark.parametrize(
    ("name", "path", "parameters"),
    [
        ("scores", "/profile/score/ana", [*TYPES, *DATES]),
        (
            "biomarkers",
            "/profile/biomarker/ana",
            [*(("categories", each) for each in ("activity", "body", "sleep", "vitals")), *DATES],
        ),
        ("archetypes", "/profile/archetypes/ana", DATES),
        ("trends", "/profile/insight/trend/ana", DATES),
        ("comparisons", "/profile/insight/comparison/ana", DATES),
    ],
)
async def test_what_is_asked(clock: StandingClock, name: str, path: str, parameters: list[tuple[str, str]]) -> None:
    sahha = Sahha()
    found = await getattr(client(sahha, clock), name)("ana", FIRST, LAST)
    (asked,) = sahha.requests
    assert (asked.method, asked.url.host, asked.url.path) == ("GET", "sahha.example", f"/api/v1{path}")
    assert asked.url.params.multi_items() == parameters
    assert asked.headers["user-agent"] == f"circadia/{__version__}"
    assert (found.items, found.rejects, found.began_at) == ((), (), clock())


async def test_chosen_categories_are_repeated_keys(clock: StandingClock) -> None:
    sahha = Sahha()
    await client(sahha, clock).biomarkers("ana", LAST, LAST, ["sleep", "vitals"])
    assert sahha.requests[0].url.query == (
        b"categories=sleep&categories=vitals&startDateTime=2026-11-20&endDateTime=2026-11-20"
    )


async def test_an_external_id_is_one_segment_of_the_path(clock: StandingClock) -> None:
    sahha = Sahha()
    await client(sahha, clock).integrations("a/../b c+%2F?é")
    assert sahha.requests[0].url.raw_path == b"/api/v1/profile/integration/a%2F..%2Fb%20c%2B%252F%3F%C3%A9"


@pytest.mark.parametrize("external_id", ["", ".", "..", "\udcff"])
async def test_an_external_id_that_is_no_segment_is_nobodys(clock: StandingClock, external_id: str) -> None:
    """An empty one would ask for the token's own profile, dots for another path."""
    sahha = Sahha()
    with pytest.raises(NotFound) as caught:
        await client(sahha, clock).scores(external_id, FIRST, LAST)
    assert caught.value.kind == "unknown_profile"
    assert sahha.requests == sahha.token_requests == []


@pytest.mark.parametrize("empty", [httpx2.Response(204), httpx2.Response(200, json=[])], ids=repr)
@pytest.mark.parametrize("name", ["scores", "biomarkers", "archetypes", "trends", "comparisons"])
async def test_nothing_is_nothing_however_it_is_said(clock: StandingClock, empty: httpx2.Response, name: str) -> None:
    held = client(Sahha(empty), clock)
    assert (await getattr(held, name)("ana", FIRST, LAST)).items == ()
    assert (await held.integrations("ana")).items == ()


async def test_one_bad_element_spoils_no_other(clock: StandingClock) -> None:
    other = SCORE | {"id": "5a3fb626-a6c8-520d-9660-c82dd4fe4198", "type": "activity", "news": {"of": "theirs"}}
    bad: list[Any] = [
        {key: value for key, value in SCORE.items() if key != "scoreDateTime"},
        SCORE | {"score": 84},
        SCORE | {"scoreDateTime": "the 12th"},
        SCORE | {"scoreDateTime": "2025-07-12T00:00:00"},
        "a score",
        None,
        SCORE | {"state": "hi\x00gh"},
    ]
    answer = httpx2.Response(200, json=[SCORE, *bad[:3], other, *bad[3:]])
    found = await client(Sahha(answer), clock).scores("ana", FIRST, LAST)
    assert [raw for _, raw in found.items] == [SCORE, other]
    assert [score.type for score, _ in found.items] == ["sleep", "activity"]
    assert [raw for raw, _ in found.rejects] == bad
    assert [error for _, error in found.rejects] == [
        "scoreDateTime: Field required",
        "score: Input should be less than or equal to 1",
        "scoreDateTime: not an instant",
        "scoreDateTime: Input should have timezone info",
        "record: Input should be a valid dictionary or instance of Score",
        "record: Input should be a valid dictionary or instance of Score",
        "record: a NUL character",
    ]


async def test_a_lone_surrogate_spoils_no_other(clock: StandingClock) -> None:
    content = b'[{"id": "\\ud83d"}, {"integrationType": "garmin"}]'
    found = await client(Sahha(httpx2.Response(200, content=content)), clock).integrations("ana")
    assert [each.integration_type for each, _ in found.items] == ["garmin"]
    assert found.rejects == (({"id": "\ud83d"}, "record: text that is no valid Unicode, or a number beyond 64 bits"),)


def test_every_kind_has_a_model(clock: StandingClock) -> None:
    assert set(MODELS) == {"score", "biomarker", "archetype", "trend", "comparison"}
    found = listing(MODELS["biomarker"], [STEPS], clock())
    assert [type(each) for each, _ in found.items] == [Biomarker]


@pytest.mark.parametrize(
    ("days", "parts"),
    [
        (1, [("2026-11-20", "2026-11-20")]),
        (31, [("2026-10-21", "2026-11-20")]),
        (32, [("2026-10-21", "2026-11-20"), ("2026-10-20", "2026-10-20")]),
        (
            92,
            [("2026-10-21", "2026-11-20"), ("2026-09-20", "2026-10-20"), ("2026-08-21", "2026-09-19")],
        ),
        (0, []),
    ],
)
async def test_a_long_range_is_asked_for_in_parts(
    clock: StandingClock, days: int, parts: list[tuple[str, str]]
) -> None:
    numbered = [SCORE | {"id": str(UUID(int=number))} for number in range(4)]
    answers = [httpx2.Response(200, json=[each]) for each in numbered]
    sahha = Sahha(*answers)
    found = await client(sahha, clock).scores("ana", LAST - timedelta(days=days - 1), LAST)
    asked = [each.url.params for each in sahha.requests]
    assert [(each["startDateTime"], each["endDateTime"]) for each in asked] == parts
    assert [score.id.int for score, _ in found.items] == list(range(len(parts)))


async def test_a_listing_is_as_old_as_its_first_request(clock: StandingClock) -> None:
    sahha = Sahha()

    async def wire(request: httpx2.Request) -> httpx2.Response:
        clock.advance(1)
        return await sahha(request)

    began_at = clock()
    assert (await client(wire, clock).scores("ana", FIRST - timedelta(days=60), LAST)).began_at == began_at
    assert clock() == began_at + timedelta(seconds=4), "a token and three parts"


async def test_a_profile(clock: StandingClock) -> None:
    sahha = Sahha(httpx2.Response(200, json=read("profile.json")))
    found = await client(sahha, clock).profile("ext-demo-0001")
    assert sahha.requests[0].url.path == "/api/v1/account/profile/ext-demo-0001"
    assert [each.source_name for each in found.data_sources] == ["com.apple.health", "com.whoop.iphone"]


@pytest.mark.parametrize("content", [b"{}", b'{"externalId": 7}', b"null", b'"text"', b"[{}]"])
async def test_what_is_no_profile(clock: StandingClock, content: bytes) -> None:
    with pytest.raises(UnexpectedReply, match="profile"):
        await client(Sahha(httpx2.Response(200, content=content)), clock).profile("ana")


@pytest.mark.parametrize("empty", [httpx2.Response(204), httpx2.Response(200, json=[])], ids=repr)
async def test_a_profile_without_an_answer_is_nobodys(clock: StandingClock, empty: httpx2.Response) -> None:
    with pytest.raises(NotFound) as caught:
        await client(Sahha(empty), clock).profile("ana")
    assert caught.value.kind == "unknown_profile"


def test_a_listing_keeps_the_json_beside_the_object(clock: StandingClock) -> None:
    found = listing(Score, [SCORE], clock())
    assert found.items[0][1] is SCORE


@pytest.mark.parametrize(
    ("model", "record", "names"),
    [(Score, SCORE, ("factors", "dataSources")), (Biomarker, STEPS, ("dataSources",))],
)
def test_null_in_the_place_of_a_list_is_an_empty_one(
    clock: StandingClock, model: type[Score | Biomarker], record: dict[str, Any], names: tuple[str, ...]
) -> None:
    found = listing(model, [record | dict.fromkeys(names)], clock())
    assert found.rejects == ()
    assert found.items[0][0].data_sources == ()
