// Room 1: a day, from its three figures down to where they come from.
import { html, useEffect } from "../lib.js";
import { ahead, dayPath, useApi } from "../api.js";
import { addDays, dateLabel, newestDate, today } from "../format.js";
import { useMetrics } from "../metrics.js";
import { Link, useRoute } from "../router.js";
import { useSession } from "../session.js";
import { Button, Card, Empty, Skeleton } from "../ui.js";
import { Body } from "../today/body.js";
import { open, useGestures } from "../today/gestures.js";
import { Head } from "../today/head.js";
import { Merged, tellsSomething } from "../today/merged.js";
import { Notices } from "../today/notices.js";
import { doctorPath, historyPath, mergedPath, nearest, recordsPath, seriesPath, statusPath, targetPath, vitalsPath } from "../today/paths.js";
import { useRefresh } from "../today/refresh.js";
import { Rings } from "../today/rings.js";
import { Sleep } from "../today/sleep.js";
import { Strain } from "../today/strain.js";
import { Week } from "../today/week.js";
import { Trust } from "../today/trust.js";

const EVERY_MS = 60_000;
const QUICK_MS = 3000;

function Waiting() {
  return html`<div class="card rings" aria-busy="true">
      ${[0, 1, 2].map((each) => html`<div class="dial" key=${each}><${Skeleton} width="var(--ring-size)" height=${104} radius="50%" /></div>`)}
    </div>
    <div class="day-grid">
      <${Card} className="body-card"><${Skeleton} height=${420} /><//>
      <${Card} className="sleep-card"><${Skeleton} height=${320} /><//>
    </div>`;
}

const NEWEST = html`<${Link} to="/" class="button button-primary">Go to the newest day<//>`;

/** The way to the nearest days, before and after, that have something; without a network among those of the weeks around. */
function Nearest({ date, member, series }) {
  const counted = useApi(recordsPath(member));
  const history = useApi(counted.data ? historyPath(member, counted.data) : null);
  if (counted.loading || history.loading) return null;
  const { before, after, first } = nearest(history.data ?? series, date);
  if (!first) return NEWEST;
  return [before, after]
    .filter(Boolean)
    .map((day) => html`<${Button} key=${day} kind=${day === first ? "primary" : "plain"} icon=${day === before ? "left" : undefined} onClick=${() => open(day)}>
      ${day === before ? "Last day before: " : "First day after: "}${dateLabel(day, day.slice(0, 4) === date.slice(0, 4) ? "day" : "medium")}<//>`);
}

function Nothing({ day, member, series }) {
  const dated = "date" in useRoute().params;
  const missing = day.missing[0];
  const title = missing?.reason === "fetching" ? "Being fetched from WHOOP" : `Nothing for ${dateLabel(day.date)}`;
  return html`<${Card}>
    <${Empty}
      icon="calendar"
      title=${title}
      action=${dated && html`<${Nearest} date=${day.date} member=${member} series=${series} />`}
    >${missing?.remedy}<//>
  <//>`;
}

function Journal({ answers }) {
  return html`<${Card} title="Journal" className="journal-card">
    <ul class="journal">
      ${answers.map((each) => html`<li key=${each.question}><span>${each.question}</span><strong>${each.answered_yes ? "Yes" : "No"}</strong>${each.notes && html`<small>${each.notes}</small>`}</li>`)}
    </ul>
  <//>`;
}

function Day({ day, prefs, member, gateway, series }) {
  const vitals = useApi(vitalsPath(member, day.date));
  const aim = useApi(targetPath(member, day.date));
  const merged = useApi(gateway ? mergedPath(member, day.date) : null);
  useMetrics();
  const offset = (day.sleep ?? day.cycle)?.timezone_offset;
  const others = html`<${Merged} answer=${merged.data} offset=${offset} prefs=${prefs} />`;
  if (day.state === "empty") {
    if (merged.loading && !merged.data) return html`<${Waiting} />`;
    const waits = day.missing[0]?.reason === "fetching";
    return tellsSomething(merged.data) && !waits ? others : html`<${Nothing} day=${day} member=${member} series=${series} />${others}`;
  }
  return html`
    <${Rings} day=${day} series=${series} aim=${aim.data?.rows?.[0]} />
    <div class="day-grid">
      <${Body} day=${day} series=${series} vitals=${vitals.data?.rows} prefs=${prefs} />
      <${Sleep} day=${day} prefs=${prefs} />
    </div>
    <${Strain} day=${day} prefs=${prefs} />
    ${day.journal.length > 0 && html`<${Journal} answers=${day.journal} />`}
    ${others}
  `;
}

export default function Today() {
  const { me, member, writes, prefs, instance } = useSession();
  const { params } = useRoute();
  // without a date in the address, the newest that has anything
  const yetToCome = Boolean(params.date) && params.date > newestDate();
  const shown = useApi(yetToCome ? null : dayPath(member, params.date), { every: params.date ? undefined : EVERY_MS });
  const day = shown.data;
  const date = params.date ?? day?.date ?? null;
  const status = useApi(statusPath(member), { every: EVERY_MS });
  const arriving = ["queued", "running"].includes(status.data?.backfill?.state);
  useApi(arriving ? statusPath(member) : null, { every: QUICK_MS });
  // mostly that of today, so there is no need to wait for the date
  const series = useApi(seriesPath(member, yetToCome ? today() : (date ?? today())));
  const doctor = useApi(day ? doctorPath(member) : null, { every: EVERY_MS });
  const asks = writes && status.data?.connection.state === "connected";
  const [words, refresh] = useRefresh(member, asks);
  useGestures(date ?? today(), refresh);

  useEffect(() => {
    document.title = date ? `${dateLabel(date, date.slice(0, 4) === today().slice(0, 4) ? "long" : "full")} · Circadia` : "Circadia";
  }, [date]);

  useEffect(() => {
    if (!date) return;
    const near = [addDays(date, -1), addDays(date, 1)].filter((each) => each <= today());
    ahead(near.flatMap((each) => [dayPath, vitalsPath, targetPath, seriesPath].map((path) => path(member, each))));
  }, [member, date]);

  return html`
    <${Head} date=${date ?? today()} asOf=${shown.kept ? shown.asOf : (status.data?.as_of ?? day?.as_of)} kept=${shown.kept} words=${words} refresh=${refresh} asks=${asks}
      prefs=${prefs} />
    <${Week} date=${date ?? today()} member=${member} series=${series} prefs=${prefs} />
    <${Notices} status=${status.data} own=${member === me.user_id} ready=${instance?.whoop_configured} />
    ${day
      ? html`<${Day} day=${day} prefs=${prefs} member=${member} gateway=${instance?.gateway} series=${series.data} />`
      : yetToCome
        ? html`<${Card}><${Empty} icon="calendar" title="This day is yet to come" action=${NEWEST}>Nothing is known of a day before its morning.<//><//>`
      : shown.error
        ? html`<${Card}><${Empty} icon="warn" title=${shown.error.detail} action=${html`<${Button} kind="primary" onClick=${shown.reload}>Try again<//>`}>${shown.error.remedy}<//><//>`
        : html`<${Waiting} />`}
    <${Trust} status=${status.data} doctor=${doctor.data} prefs=${prefs} />
  `;
}
