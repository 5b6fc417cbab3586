"""Every state of the dashboard, in the order in which they can be had."""

from __future__ import annotations

from functools import partial

from tests.prove import dashboard_deeds as deeds
from tests.prove.dashboard_deeds import GONE, LOST, MEMBER, at, on, owned, pressed
from tests.prove.dashboard_scene import Place, State

_NO_NETWORK = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED")
_nobody = partial(State, who=None)
_member = partial(State, who=MEMBER)


def _is(state: str, part: str) -> deeds.Fits:
    return lambda day: (day[part] or {}).get("state") == state


UNOWNED = (
    _nobody("first run", pressed("/", words="Set up Circadia"), during=deeds.first_run),
    _nobody(
        "first run, privacy policy", pressed("/", "Show the text", words="What is collected"), during=deeds.first_run
    ),
    _nobody(
        "first run, self-test fails",
        owned("/welcome", "Test the connection to WHOOP", words="Test again"),
        during=deeds.first_run,
    ),
    _nobody("nobody owns it", at("/", "has no owner yet"), during=deeds.configured),
    _nobody("connect WHOOP", owned("/welcome", words="Connect WHOOP"), during=deeds.configured),
    _nobody("not connected, nothing here", owned("/", words="WHOOP is not connected"), during=deeds.configured),
    _nobody("signed out, sign-up by a list", at("/", "E-mail address at WHOOP"), during=deeds.configured),
    _nobody(
        "self-test passes",
        owned("/admin?part=whoop", "Test the connection to WHOOP", words="Test again"),
        during=deeds.configured,
    ),
)

YOUTH = (
    State("few days: today", at("/", "of 21")),
    State("few days: trends", at("/trends", "not enough data yet")),
    State("few days: sleep", at("/sleep", "Sleep")),
    State("few days: strain", at("/strain", "Strain")),
    State("few days: insights", at("/insights", "not enough data yet")),
)

HOUSEHOLD = (
    _nobody("signed out", at("/", "Sign in with WHOOP")),
    _nobody("one-time link", deeds.linked),
    _nobody("one-time link, used", deeds.spent, noise=("40", "41")),
    _nobody("invited", deeds.invited),
    _nobody("consent refused", deeds.refused),
    _nobody("sign-up closed", deeds.closed, noise=("403",)),
    State("today", at("/", "So far")),
    State("today, all sources", pressed("/", r"\d+ more", words="All sources")),
    State("no data for the date", deeds.without_days),
    State("no data, the nearest day", deeds.beside),
    State("a day to come", deeds.to_come),
    State("calibrating", on("demo", lambda day: (day["recovery"] or {}).get("calibrating"), "calibrating")),
    State("pending score", deeds.pending, wire=True),
    State("a nap", on("demo", lambda day: day["naps"], "Nap")),
    State("printed today", at("/", "So far"), printed=True),
    State("more rooms", pressed("/", "More", words="Settings"), size="phone"),
    _member("imperial, am and pm", at("/", "°F"), during=deeds.other_habits),
    State("trends", at("/trends", "Mean of the days")),
    State("trends, two metrics", at("/trends?metric=hrv_rmssd_ms&with=strain&range=28", "HRV")),
    State("printed trends", at("/trends", "Mean of the days"), printed=True),
    State("sleep", at("/sleep", "Stages")),
    State("strain", at("/strain", "Workouts")),
    State("insights", at("/insights", "Streaks")),
    State("data", at("/data", "The whole history is here")),
    State("settings", at("/settings", "How it looks")),
    _member("share, the link", deeds.shared),
    State("admin", at("/admin", "Request budget")),
    State("admin, members", at("/admin?part=members", "Bruno|demo-2")),
    State("admin, who may join", at("/admin?part=invitations", "Make an invitation")),
    State("admin, API keys", at("/admin?part=keys", "New key…")),
    State("admin, new API key", pressed("/admin?part=keys", "New key…", words="Name")),
    State("admin, webhooks", at("/admin?part=deliveries", "Webhooks")),
    State("admin, WHOOP app", at("/admin?part=whoop", "Does it work")),
    State("admin, log", at("/admin?part=audit", "signed in")),
    _member("admin, of a member", at("/admin", "This room is the owner's")),
    _nobody("coach, shared with", deeds.coached),
    _member("import done", deeds.imported, once=True),
    _member("import refused", deeds.not_taken, noise=("4",)),
    _member("journal, in insights", at("/insights", "Have any alcoholic drinks")),
    _member("journal, on a day", on(MEMBER, lambda day: day["journal"], "Journal")),
    _member("disconnect, asked", pressed("/data", "Disconnect…", words="Disconnect from WHOOP")),
    _member("offline", deeds.offline, noise=_NO_NETWORK),
    _member("Circadia does not answer", deeds.unanswered, wire=True, noise=("503",)),
    _member("WHOOP down", at("/", "Showing everything as of"), during=deeds.whoop_down),
    _member("WHOOP down, data", at("/data", "WHOOP answered 503"), during=deeds.whoop_down),
    State("WHOOP down, admin", at("/admin", "Request budget"), during=deeds.whoop_down),
    _nobody("first history", deeds.arriving, during=deeds.unhurried, once=True, live=True),
    _nobody("first history, today", deeds.arriving_behind, during=deeds.unhurried, live=True),
    State("needs to reconnect", at("/", "WHOOP has to be connected again"), who=LOST, during=deeds.cut_off),
    State("needs to reconnect, data", at("/data", "Connect again"), who=LOST, during=deeds.cut_off),
    State("needs to reconnect, welcome", at("/welcome", "Connect again"), who=LOST, during=deeds.cut_off),
    State("disconnected", at("/", "WHOOP is not connected"), who=GONE, during=deeds.disconnected),
    State("disconnected, data", at("/data", "Not connected"), who=GONE, during=deeds.disconnected),
    State("erase, asked", deeds.erasing, who=GONE, during=deeds.disconnected),
    State("erased", deeds.erased, who=GONE, during=deeds.disconnected, once=True),
    State("WHOOP asks to wait", deeds.throttled, once=True),
)

DECADE = (
    State("ten years: trends", at("/trends?range=all", "Mean of the days")),
    State("ten years: two metrics", at("/trends?range=all&metric=hrv_rmssd_ms&with=strain", "HRV")),
    State("ten years: sleep", at("/sleep?range=all", "Stages")),
    State("ten years: strain", at("/strain?range=all", "Workouts")),
    State("ten years: insights", at("/insights?range=all", "Streaks")),
    State("ten years: data", at("/data", "The whole history is here")),
    State("two cycles on one date", on("demo", lambda day: day["other_cycles"], "Two cycles fell on this date")),
    State("unscorable sleep", on("demo", _is("UNSCORABLE", "sleep"), "WHOOP could not score it")),
    State("unscorable cycle", on("demo", _is("UNSCORABLE", "cycle"), "WHOOP could not score it")),
    State("no strap at night", on("demo", lambda day: day["cycle"] and not day["sleep"], "Not recorded")),
    State("two sleeps", on("demo", lambda day: day["other_sleeps"], "Another sleep")),
)

PLACES = (Place(4, 60, HOUSEHOLD + UNOWNED), Place(1, 5, YOUTH), Place(1, 3650, DECADE))
