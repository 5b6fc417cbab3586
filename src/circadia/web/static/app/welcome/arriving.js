// The first history on its way: how far it is, and the days as they come, newest first.

import { get } from "../api.js";
import { moving, Progress, useStatus } from "../data/progress.js";
import { addDays, dateLabel, duration, today } from "../format.js";
import { html, useEffect, useState } from "../lib.js";
import { Link } from "../router.js";
import { Card } from "../ui.js";

const NEWEST = 14;

export function Arriving({ userId, onDone }) {
  const status = useStatus(userId);
  const { days, arrived } = useNewest(userId, status.data?.types?.cycle?.total_records);
  const backfill = status.data?.backfill;
  const finished = backfill && !moving(backfill);
  useEffect(() => {
    if (finished) onDone?.();
  }, [finished]);
  return html`<${Card} title=${finished ? "Your history is here" : "Your history is arriving"}>
    ${backfill
      ? html`<${Progress} status=${status.data} />`
      : html`<p class="quiet" role="status">Connected. Asking WHOOP for your last days…</p>`}
    ${!finished && html`<p class="quiet">You can look around meanwhile, or close this page: it goes on by itself.</p>`}
    <ol class="newest" aria-label="Days that are here, newest first">
      ${days.map((day) => html`<${Day} key=${day.date} day=${day} />`)}
    </ol>
    <${Link} to="/" class="button button-primary">${arrived ? "See today" : "Go to Today"}<//>
  <//>`;
}

function useNewest(userId, records) {
  const [days, setDays] = useState([]);
  useEffect(() => {
    const [from, to] = [addDays(today(), 1 - NEWEST), today()];
    let wanted = true;
    get(`/api/v1/whoop/days/${encodeURIComponent(userId)}?from=${from}&to=${to}`, { fresh: true }).then(
      (told) => wanted && setDays(told.days.filter((each) => each.cycle || each.sleep || each.recovery).reverse()),
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [userId, records]);
  return { days, arrived: days.length > 0 };
}

function Day({ day }) {
  const { recovery, sleep, cycle } = day;
  return html`<li class="newest-day">
    <${Link} to=${`/day/${day.date}`}>
      <span class="newest-date">${dateLabel(day.date, "short")}</span>
      <span class=${`newest-recovery band-${recovery?.band ?? "none"}`}><span class="visually-hidden">recovery</span> ${recovery?.score != null ? `${recovery.score} %` : "–"}</span>
      <span class="newest-rest">${sleep?.asleep_ms != null ? duration(sleep.asleep_ms / 1000) : "no sleep"}</span>
      <span class="newest-rest">${cycle?.strain != null ? `strain ${cycle.strain.toFixed(1)}` : "no strain"}</span>
    <//>
  </li>`;
}
