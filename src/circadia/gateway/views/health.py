"""The combined health bodies: both sources in their own words, and four figures 0..100 made of the merged readings."""

from __future__ import annotations

from dataclasses import asdict
from statistics import fmean
from typing import Any

from circadia.domain import merge
from circadia.gateway.told import Told
from circadia.gateway.unified import Unified
from circadia.gateway.views.standing import answered, instant, share, why_not

Body = dict[str, Any]

_SCORE_TYPES = ("readiness", "sleep", "activity", "mental_wellbeing", "wellbeing")
_PARTS = ("recovery", "sleep", "workouts")

CONNECT_WHOOP = "Connect WHOOP for recovery, strain and sleep measured by a strap."
CONNECT_SAHHA = "Share phone data through Sahha for steps, activity and mental wellbeing."
RECONNECT_WHOOP = "Connect WHOOP again: it no longer accepts the connection there was."
COMPREHENSIVE = "Comprehensive data: Sahha and WHOOP are both connected."
BASIC = "Basic data from Sahha alone; consider WHOOP for recovery and strain."


def health(unified: Unified, days: int) -> Body:
    """The last `days` dates. Sahha's objects are as Sahha made them (scores 0..1), newest first; WHOOP's parts as the
    WHOOP service tells them. `completeness` is the mean over the dates of which something is due, 0..1, beside the
    documented figure."""
    figures = merge.combined(unified.days, now=unified.now, overrides=unified.overrides)
    shares = [each for day in unified.days if (each := unified.completeness(day)) is not None]
    return {
        "success": True,
        "message": "Health data retrieved successfully",
        "data": {
            "user_id": unified.user_id,
            "days": days,
            "from": unified.first,
            "to": unified.last,
            "retrieved_at": instant(unified.now),
            "sources": {"sahha": _sahha(unified.sahha), "whoop": _whoop(unified.whoop)},
            "combined": {
                **{name: None if each is None else round(each, 1) for name, each in asdict(figures).items()},
                "completeness": share(fmean(shares) if shares else None),
            },
            "errors": unified.errors,
        },
    }


def _sahha(told: Told) -> Body:
    if not answered(told):
        return {"available": False, **why_not(told)}
    scores = told.body.get("scores", [])
    newest = {name: next((each for each in scores if each["type"] == name), None) for name in _SCORE_TYPES}
    return {
        "available": True,
        **why_not(told),
        "as_of": instant(told.as_of),
        **newest,
        "scores": scores,
        "biomarkers": told.body.get("biomarkers", []),
    }


def _whoop(told: Told) -> Body:
    if not answered(told):
        return {"available": False, **why_not(told)}
    return {
        "available": True,
        **why_not(told),
        "as_of": instant(told.as_of),
        **{name: told.body.get(name) for name in _PARTS},
    }


def sources(user_id: str, sahha: Told, whoop: Told) -> Body:
    """Which sources can be read for a user right now, and what would give more."""
    return {
        "user_id": user_id,
        "available_sources": {"sahha": sahha.state == "ok", "whoop": whoop.state == "ok"},
        "states": {"sahha": sahha.state, "whoop": whoop.state},
        "recommendations": _recommendations(sahha, whoop),
    }


def _recommendations(sahha: Told, whoop: Told) -> list[str]:
    """Nobody is told to connect a source because it does not answer, and nothing is said of a connection that nobody
    knows of."""
    said = []
    if whoop.state == "needs_reconnect":
        said.append(RECONNECT_WHOOP)
    if whoop.connected is False:
        said.append(CONNECT_WHOOP)
    if sahha.connected is False:
        said.append(CONNECT_SAHHA)
    if sahha.connected and whoop.connected is False:
        said.append(BASIC)
    if sahha.connected and whoop.connected and whoop.state != "needs_reconnect":
        said.append(COMPREHENSIVE)
    return said


def connected(user_id: str, authorization_url: str, expires_in: int | None) -> Body:
    """A consent that was begun; `expires_in` is in seconds."""
    return {
        "success": True,
        "user_id": user_id,
        "authorization_url": authorization_url,
        "expires_in": 300 if expires_in is None else expires_in,
    }
