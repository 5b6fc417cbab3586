// Room 1: a day, from its three figures down to where they come from.
import { html, useEffect } from "../lib.js";
import { ahead, day as fetchDay, dayPath, useApi } from "../api.js";
import { addDays, dateLabel, today } from "../format.js";
import { useMetrics } from "../metrics.js";
import { Link, useRoute } from "../router.js";
import { useSession } from "../session.js";
import { Button, Card, Empty, Skeleton } from "../ui.js";
import { Body } from "../today/body.js";
import { Head, open, useGestures, useRefresh } from "../today/head.js";
import { Merged } from "../today/merged.js";
import { Notices } from "../today/notices.js";
import { doctorPath, mergedPath, nearest, seriesPath, statusPath, targetPath, vitalsPath } from "../today/paths.js";
import { Rings } from "../today/rings.js";
import { Sleep } from "../today/sleep.js";
import { Strain } from "../today/strain.js";
import { Week } from "../today/week.js";
import { Trust } from "../today/trust.js";

const EVERY_MS = 60_000;
const QUICK_MS = 3000;

/** The date to show without one in the address: the newest that has anything. */
function useDate(member) {
  const { params } = useRoute();
  const newest = useApi(params.date ? null : dayPath(member), { every: EVERY_MS });
  return { date: params.date ?? newest.data?.date ?? null, newest };
}

function Waiting() {
  return html`<div class="card rings" aria-busy="true">
      ${[0, 1, 2].map((each) => html`<div class="dial" key=${each}><${Skeleton} width="var(--ring-size)" height=${104} radius="50%" /></div>`)}
    </div>
    <div class="day-grid">
      <${Card} className="body-card"><${Skeleton} height=${420} /><//>
      <${Card} className="sleep-card"><${Skeleton} height=${320} /><//>
    </div>`;
}

function Nothing({ day, series }) {
  const dated = "date" in useRoute().params;
  const missing = day.missing[0];
  const near = nearest(series, day.date);
  const title = missing?.reason === "fetching" ? "Being fetched from WHOOP" : `Nothing for ${dateLabel(day.date)}`;
  return html`<${Card}>
    <${Empty}
      icon="calendar"
      title=${title}
      action=${near
        ? html`<${Button} kind="primary" onClick=${() => open(near)}>Go to ${dateLabel(near, "day")}<//>`
        : dated && html`<${Link} to="/" class="button button-primary">Go to the newest day<//>`}
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
  if (day.state === "empty") return html`<${Nothing} day=${day} series=${series} />`;
  return html`
    <${Rings} day=${day} series=${series} aim=${aim.data?.rows?.[0]} />
    <div class="day-grid">
      <${Body} day=${day} series=${series} vitals=${vitals.data?.rows} prefs=${prefs} />
      <${Sleep} day=${day} prefs=${prefs} />
    </div>
    <${Strain} day=${day} prefs=${prefs} />
    ${day.journal.length > 0 && html`<${Journal} answers=${day.journal} />`}
    <${Merged} answer=${merged.data} prefs=${prefs} />
  `;
}

export default function Today() {
  const { me, member, writes, prefs, instance } = useSession();
  const { date, newest } = useDate(member);
  const status = useApi(statusPath(member), { every: EVERY_MS });
  const arriving = ["queued", "running"].includes(status.data?.backfill?.state);
  useApi(arriving ? statusPath(member) : null, { every: QUICK_MS });
  const dated = useApi(date ? dayPath(member, date) : null);
  const series = useApi(date ? seriesPath(member, date) : null);
  const doctor = useApi(doctorPath(member), { every: EVERY_MS });
  const [words, refresh] = useRefresh(member, writes && status.data?.connection.state === "connected");
  useGestures(date ?? today(), refresh);

  useEffect(() => {
    if (!date) return;
    fetchDay(member, date).catch(() => {});
    const near = [addDays(date, -1), addDays(date, 1)].filter((each) => each <= today());
    ahead(near.flatMap((each) => [vitalsPath(member, each), targetPath(member, each), seriesPath(member, each)]));
  }, [member, date]);

  const day = dated.data ?? (newest.data?.date === date ? newest.data : null);
  const failure = dated.error ?? newest.error;
  return html`
    <${Head} date=${date ?? today()} asOf=${dated.kept ? dated.asOf : (status.data?.as_of ?? day?.as_of)} kept=${dated.kept} words=${words} refresh=${refresh} prefs=${prefs} />
    <${Week} date=${date ?? today()} series=${series.data} prefs=${prefs} />
    <${Notices} status=${status.data} own=${member === me.user_id} />
    ${day
      ? html`<${Day} day=${day} prefs=${prefs} member=${member} gateway=${instance?.gateway} series=${series.data} />`
      : failure
        ? html`<${Card}><${Empty} icon="warn" title=${failure.detail} action=${html`<${Button} kind="primary" onClick=${dated.reload}>Try again<//>`}>${failure.remedy}<//><//>`
        : html`<${Waiting} />`}
    <${Trust} status=${status.data} doctor=${doctor.data} prefs=${prefs} />
  `;
}
