"""What is answered when Sahha's trouble is the whole answer, in sentences that people read."""

from __future__ import annotations

import pytest

from circadia.api.routes.trouble import of_sahha
from circadia.errors import UpstreamDown, advised
from circadia.gateway.breaker import CircuitOpen
from circadia.gateway.told import State


@pytest.mark.parametrize(
    ("state", "error", "said", "kind"),
    [
        (
            "unavailable",
            "Sahha answered 500",
            "Sahha does not answer and nothing is at hand: Sahha answered 500. Ask again in a moment.",
            UpstreamDown,
        ),
        (
            "circuit_open",
            None,
            "Sahha does not answer and nothing is at hand: circuit open. Ask again in a moment.",
            CircuitOpen,
        ),
        (
            "unavailable",
            "Sahha refuses the credentials. Compare SAHHA_CLIENT_ID with the dashboard.",
            "Sahha does not answer and nothing is at hand: Sahha refuses the credentials. Compare SAHHA_CLIENT_ID with "
            "the dashboard.",
            UpstreamDown,
        ),
    ],
)
def test_one_advice_and_one_full_stop(state: State, error: str | None, said: str, kind: type[UpstreamDown]) -> None:
    told = of_sahha(state, error)
    assert type(told) is kind
    assert told.sentence == said


def test_a_remedy_is_a_sentence_of_its_own() -> None:
    assert advised("it is so", "Do this.") == advised("it is so.", "Do this.") == "it is so. Do this."
    assert advised("it is so", None) == "it is so"


def test_without_trouble_there_is_no_error() -> None:
    assert of_sahha("ok", None) is of_sahha("not_connected", None) is None
