"""What the gateway is asked in the proof, and whether what it answers is what it has to be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from circadia.domain.readings import SOURCES, Source
from circadia.gateway.unified import LABELS
from tests.prove.gateway_stack import Stack

BOTH, SAHHA_ONLY, WHOOP_ONLY, NEWCOMER = "both", "sahha-only", "whoop-only", "newcomer"
"""Who is there: one whom both sources know, one of each source alone, and one who wants to connect."""

Words = dict[tuple[str, str], Any]
"""A source's values by date and metric."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request; `without_whoop` is the status it has to have when WHOOP is in trouble. What `needs_database` may be
    answered 503, or that, when the gateway's is gone."""

    name: str
    path: str
    parameters: Mapping[str, str | int]
    method: str = "GET"
    without_whoop: int = 200
    needs_database: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one, and after how many seconds."""

    question: Question
    status: int
    body: Any
    took_s: float


Answers = dict[str, Answer]


def native(user_id: str) -> Question:
    """A week that nobody changes any more, with all its readings."""
    today = datetime.now(UTC).date()
    stretch = {"from": str(today - timedelta(days=10)), "to": str(today - timedelta(days=4))}
    return Question(f"unified days of {user_id}", f"/api/v1/unified/{user_id}/days", stretch)


def questions(stack: Stack) -> list[Question]:
    """Every family of the gateway's routes for the one with both sources, the combined ones for the others too."""
    day = datetime.now(UTC).date() - timedelta(days=4)
    older = {"profile_id": BOTH, "period": str(day)}
    listed: dict[str, str | int] = {
        "user_id": BOTH,
        "start_date": str(day - timedelta(days=6)),
        "end_date": str(day),
        "limit": 1000,
    }
    back = {"redirect_url": f"{stack.upstreams['whoop'].program.url}/"}
    found = [Question("liveness", "/health", {}), Question("root", "/", {})]
    for user_id in (BOTH, SAHHA_ONLY, WHOOP_ONLY):
        found += [
            native(user_id),
            Question(f"health of {user_id}", f"/api/v1/health/{user_id}", {"days": 7}),
            Question(
                f"overview of {user_id}",
                f"/api/v1/unified-health/overview/{user_id}",
                {"period": str(day)},
                needs_database=user_id == SAHHA_ONLY,
            ),
        ]
    found += [
        Question("sources", f"/api/v1/health/sources/{BOTH}", {}),
        Question("sources, alias", f"/api/v1/health/{BOTH}/sources", {}),
        Question("unified sources", f"/api/v1/unified-health/sources/{BOTH}", {}),
        Question("detailed", "/api/v1/health/detailed", {}),
        Question("whoop health", "/api/v1/unified-health/health/whoop", {}),
        *(
            Question(f"health-metrics {name}", f"/api/v1/health-metrics/{name}", older, needs_database=True)
            for name in ("overview", "activity", "sleep", "recovery", "scores", "biomarkers")
        ),
        *(
            Question(f"sahha {name}", f"/api/v1/sahha/{name}", listed, needs_database=True)
            for name in ("scores", "biomarkers", "archetypes")
        ),
        Question("connect", f"/api/v1/whoop/connect/{NEWCOMER}", back, "POST", 400, True),
        Question("unified connect", f"/api/v1/unified-health/connect/whoop/{NEWCOMER}", back, "POST", 503, True),
    ]
    return found


async def ask(http: httpx2.AsyncClient, question: Question) -> Answer:
    """Ask one thing. A status of 0: there was no answer."""
    began = time.perf_counter()
    try:
        told = await http.request(question.method, question.path, params=dict(question.parameters))
    except httpx2.TransportError as error:
        return Answer(question, 0, repr(error), time.perf_counter() - began)
    is_json = told.headers.get("content-type", "").partition(";")[0].endswith("json")
    return Answer(question, told.status_code, told.json() if is_json else told.text, time.perf_counter() - began)


async def ask_everything(stack: Stack) -> Answers:
    """All questions at once."""
    told = await asyncio.gather(*(ask(stack.http, each) for each in questions(stack)))
    return {each.question.name: each for each in told}


def states(answer: Answer) -> dict[str, str]:
    """How the sources stand, in the native body."""
    return {name: each["state"] for name, each in answer.body["sources"].items()} if answer.status == 200 else {}


def words(answer: Answer, source: Source) -> Words:
    """All that a source says in the native body, whether it stands or lost."""
    if answer.status != 200:
        return {}
    return {
        (day["date"], name): reading["value"]
        for day in answer.body["days"]
        for name, metric in day["metrics"].items()
        for reading in (metric, *metric["lost"])
        if reading["source"] == source
    }


@dataclass(frozen=True, slots=True)
class Judge:
    """Compares answers with those of before the trouble. `troubled` are the sources in trouble, which may be called
    what `states` says (`ok` if it may be that nobody waits in vain); `stored` whether Sahha's values are told all the
    same, as they are ours."""

    before: Answers
    troubled: frozenset[Source]
    states: frozenset[str]
    stored: bool

    def problems(self, answers: Answers) -> list[str]:
        """What is not as it has to be."""
        found = [each for answer in answers.values() for each in self._status(answer)]
        found += self._people(answers)
        found += self._combined(answers[f"health of {BOTH}"])
        return found

    def _status(self, answer: Answer) -> list[str]:
        question = answer.question
        good = {question.without_whoop if "whoop" in self.troubled else 200}
        if not self.stored and question.needs_database:
            good |= {503, question.without_whoop}
        if answer.status in good:
            return []
        return [f"{question.name}: {answer.status} instead of {good}: {str(answer.body)[:200]}"]

    def _people(self, answers: Answers) -> list[str]:
        """Each person's healthy sources say what they said before; those in trouble are called so."""
        found = []
        for user_id, theirs in ((BOTH, SOURCES), (SAHHA_ONLY, SOURCES[:1]), (WHOOP_ONLY, SOURCES[1:])):
            name = native(user_id).name
            told = states(answers[name])
            for source in theirs:
                if source in self.troubled and told.get(source) not in self.states:
                    found.append(f"{name}: {source} is called {told.get(source)}")
                if source in self.troubled and told.get(source) != "ok" and not _blamed(answers[name].body, source):
                    found.append(f"{name}: {source} is not among the errors")
                if source not in self.troubled and told.get(source) != "ok":
                    found.append(f"{name}: {source} is well and called {told.get(source)}")
                kept = source not in self.troubled or (source == "sahha" and self.stored)
                if kept and words(answers[name], source) != words(self.before[name], source):
                    found.append(f"{name}: what {source} says is not what it was")
        return found

    def _combined(self, answer: Answer) -> list[str]:
        """The documented body has the healthy source as it was, and an error for the other."""
        if answer.status != 200:
            return []
        data, before = answer.body["data"], self.before[answer.question.name].body["data"]
        found = []
        for source in SOURCES:
            told, then = ({**each["sources"][source], "as_of": None} for each in (data, before))
            if source not in self.troubled and told != then:
                found.append(f"{answer.question.name}: the part of {source} is not what it was")
            if source in self.troubled and "ok" not in self.states and not _blamed(data, source):
                found.append(f"{answer.question.name}: no error speaks of {source}")
        if len(self.troubled) < len(SOURCES) and data["combined"]["overall_score"] is None:
            found.append(f"{answer.question.name}: there is no overall score")
        return found


def _blamed(body: Any, source: Source) -> bool:
    """Whether an error of a body speaks of a source."""
    return any(each.startswith(f"{LABELS[source]}:") for each in body["errors"]) if "errors" in body else False


def well(answers: Answers, before: Answers | None = None) -> list[str]:
    """What is not as it has to be when nothing is wrong; with `before`, also what is missing of what there was then."""
    found = [
        f"{each.question.name}: {each.status}: {str(each.body)[:200]}"
        for each in answers.values()
        if each.status != 200
    ]
    for user_id, theirs in ((BOTH, SOURCES), (SAHHA_ONLY, SOURCES[:1]), (WHOOP_ONLY, SOURCES[1:])):
        answer = answers[native(user_id).name]
        for source in theirs:
            told = words(answer, source)
            if states(answer).get(source) != "ok" or not told:
                found.append(f"{answer.question.name}: {source} is {states(answer).get(source)}, {len(told)} readings")
            elif before and told.keys() != words(before[answer.question.name], source).keys():
                found.append(f"{answer.question.name}: {source} says something else than before")
    return found
