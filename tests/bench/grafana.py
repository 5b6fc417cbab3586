"""How long Grafana waits: every query of every dashboard as the owner's role, over ten years of one member and with a
year of 1,000 others beside them."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from statistics import median

import psycopg

from circadia.domain.trends import STORED
from circadia.grafana.dashboards import DASHBOARDS
from circadia.grafana.model import Dashboard, Panel
from circadia.storage import grafana
from circadia.storage.postgres import Database
from tests.bench.place import EPOCH, server
from tests.grafana.expand import Asked, moment
from tests.grafana.household import PASSWORD, signed_in
from tests.grafana.sheet import asked
from tests.grafana.stock import fill

_ROLE = "bench_owner"
_FIGURES = ", ".join(each.name for each in STORED)
_OTHERS = f"""
    INSERT INTO members (user_id, created_at) SELECT 'other-' || n, now() FROM generate_series(1, %(members)s) n;
    INSERT INTO connections (member_id, whoop_user_id, state, scopes, connected_at, changed_at)
    SELECT id, -id, 'connected', '{{}}', now(), now() FROM members WHERE user_id LIKE 'other-%%';
    INSERT INTO sync_states (member_id, type, last_success_at, history_done_at, due_at)
    SELECT m.id, s.type, s.last_success_at, s.history_done_at, s.due_at
    FROM members m, sync_states s JOIN members a ON a.id = s.member_id AND a.user_id = 'alice'
    WHERE m.user_id LIKE 'other-%%';
    INSERT INTO day_values (member_id, day, state, timezone_offset, recovery_state, sleep_state, cycle_state, source,
                            calibrating, open, sleep_start_at, sleep_end_at, {_FIGURES})
    SELECT m.id, v.day, v.state, v.timezone_offset, v.recovery_state, v.sleep_state, v.cycle_state, v.source,
           v.calibrating, v.open, v.sleep_start_at, v.sleep_end_at, {", ".join(f"v.{each.name}" for each in STORED)}
    FROM members m, day_values v JOIN members a ON a.id = v.member_id AND a.user_id = 'alice'
    WHERE m.user_id LIKE 'other-%%' AND v.day > %(now)s::timestamptz - interval '1 year';
"""


async def run(words: Sequence[str] = ()) -> None:
    """Print the time of each dashboard and of its slowest panels."""
    parser = argparse.ArgumentParser(prog="script/bench grafana", description=__doc__)
    parser.add_argument("--days", type=int, default=3650, help="days of the member that is looked at")
    parser.add_argument("--members", type=int, default=1000, help="other members, each with a year")
    parser.add_argument("--times", type=int, default=3, help="how often each query is asked")
    options = parser.parse_args(words)
    await asyncio.to_thread(_measure, options.days, options.members, options.times)


def _measure(days: int, members: int, times: int) -> None:
    with server() as url:
        fill(url, now=EPOCH, days=days)
        asyncio.run(_granted(url))
        with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(_OTHERS.encode(), {"members": members, "now": EPOCH})
            connection.execute("VACUUM ANALYZE")
        with signed_in(url, _ROLE) as connection:
            print(f"{days:,} days of the member, a year of {members:,} others; median of {times}, in ms")
            for span in (None, "now-10y"):
                for dashboard in DASHBOARDS:
                    _print(connection, dashboard, span or dashboard.span, times)


async def _granted(url: str) -> None:
    db = Database(url, size=2)
    await db.open()
    assert await grafana.grant(db, _ROLE, None, PASSWORD, EPOCH) is None
    await db.close()


def _print(connection: psycopg.Connection, dashboard: Dashboard, span: str, times: int) -> None:
    taken = {panel.title: _timed(connection, dashboard, panel, span, times) for panel in dashboard.panels}
    slowest = sorted(taken.items(), key=lambda each: -each[1])[:3]
    told = ", ".join(f"{title} {each:.0f}" for title, each in slowest)
    print(
        f"{dashboard.title:20} {span:8} {len(taken):2} queries {sum(taken.values()):6.0f}   slowest: {told}", flush=True
    )


def _timed(connection: psycopg.Connection, dashboard: Dashboard, panel: Panel, span: str, times: int) -> float:
    above = Asked(moment(span, EPOCH), moment(dashboard.until, EPOCH), asked(dashboard.json(), EPOCH).variables)
    sql = above.expanded(panel.sql, panel.points or 1000).encode()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        connection.execute(sql).fetchall()
        found.append(1000 * (time.perf_counter() - began))
    return median(found)
