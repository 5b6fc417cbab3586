// The installation: who needs looking at, who works, what the requests are spent on.

import { Budget } from "../data/budget.js";
import { RUNS, STANDINGS, TYPES } from "../data/words.js";
import { useApi } from "../api.js";
import { ago, duration, number } from "../format.js";
import { html } from "../lib.js";
import { Badge, Banner, Card, Figure, Skeleton } from "../ui.js";
import { coded, sentence, Trouble } from "../welcome/trouble.js";

const LOOK_AGAIN_MS = 15_000;
const WELL = ["ok", "history_arriving", "not_connected", "paused"];

export function Overview() {
  const { data, error } = useApi("/api/v1/whoop/status?limit=200", { every: LOOK_AGAIN_MS });
  if (!data) return error ? html`<${Trouble} error=${error} />` : html`<${Skeleton} height=${420} radius="20px" />`;
  const attention = data.members.filter((each) => !WELL.includes(each.standing));
  return html`
    ${!data.workers.alive && html`<${Banner} tone="bad" title="No worker is alive, so nothing is fetched.">
      ${data.workers.last_sign_at && `The last sign of one was ${ago(data.workers.last_sign_at)}. `}Start circadia serve or circadia worker.<//>`}
    ${data.notices.map((each) => html`<${Banner} tone="warn" title=${sentence(each.message)}>${coded(each.remedy)}<//>`)}
    <div class="pair">
      <${Card} title="Members">
        <div class="figures">
          <${Figure} label="All" value=${number(data.totals.members)} size="large" />
          <${Figure} label="Median age of a copy" value=${duration(data.totals.age_median_s)} />
          <${Figure} label="95 of 100 are newer than" value=${duration(data.totals.age_p95_s)} />
        </div>
        <ul class="standings">${Object.entries(data.totals.by_standing).map(([name, n]) => html`<li>
          <${Badge} tone=${STANDINGS[name][1]}>${STANDINGS[name][0]}<//><strong>${number(n)}</strong></li>`)}</ul>
      <//>
      <${Card} title="Needs looking at">
        ${attention.length === 0 && html`<p><strong>Nobody.</strong> <span class="quiet">Every connected member's copy is fresh and nothing fails.</span></p>`}
        <ul class="rows">${attention.map((each) => html`<${Needy} member=${each} />`)}</ul>
      <//>
      <${Card} title="Request budget"><${Budget} budgets=${data.budgets} /><//>
      <${Card} title="At work"><${Work} status=${data} /><//>
    </div>`;
}

function Needy({ member }) {
  const [label, how] = STANDINGS[member.standing];
  return html`<li class="row">
    <div class="row-words"><a href=${`/data?member=${encodeURIComponent(member.user_id)}`}><strong>${member.user_id}</strong></a>
      <span>${sentence(member.error?.message ?? member.reason ?? `last looked at ${ago(member.as_of)}`)}</span></div>
    <${Badge} tone=${how}>${label}<//>
  </li>`;
}

function Work({ status }) {
  const { plan, due, webhooks, workers, backup } = status;
  const runs = Object.entries(status.runs);
  const facts = [
    ["Worker", workers.alive ? `alive, last sign ${ago(workers.last_sign_at)}` : "none"],
    ["Plan", plan ? `${planName(plan.plan)}, ${number(plan.planned)} of ${number(plan.allowed)} requests a day` : "not known to this process"],
    plan?.fit && ["Room for", roomFor(plan)],
    ["Due now", due.types ? `${number(due.types)} types of ${number(due.members)} members, oldest ${ago(due.oldest_at)}` : "nothing"],
    ["Webhooks", webhooks.last_seen_at ? `last ${ago(webhooks.last_seen_at)}` : "none yet"],
    ["Backup", backup ? `last ${ago(backup.made_at)}, ${number(backup.size / 1e6, 1)} MB` : "none yet"],
  ].filter(Boolean);
  return html`<dl class="facts">${facts.map(([name, what]) => html`<div><dt>${name}</dt><dd>${what}</dd></div>`)}</dl>
    <h3>Runs under way</h3>
    ${runs.length === 0 && html`<p class="quiet">None.</p>`}
    <ul class="rows">${runs.map(([kind, each]) => html`<li class="row"><div class="row-words"><strong>${RUNS[kind] ?? kind}</strong>
      <span>${number(each.running)} running, ${number(each.queued)} waiting, oldest ${ago(each.oldest_at)}</span></div></li>`)}</ul>
    ${status.holds.length > 0 && html`<h3>Deletions held back</h3><ul class="rows">${status.holds.map((each) => html`<li class="row"><div class="row-words">
      <strong>${each.user_id}</strong><span>${number(each.missing)} of ${number(each.live)} ${TYPES[each.type] ?? each.type} records are gone at WHOOP.
      <code>circadia reconcile ${each.user_id} --allow-deletes</code> believes it.</span></div></li>`)}</ul>`}`;
}

// who is not announced by webhooks is asked far more often, as long as there is room
const roomFor = ({ fit, pushed, members }) =>
  pushed < members ? `${number(fit)} members, once webhooks tell of all of them; now of ${number(pushed)}` : `${number(fit)} members at this pace`;

const planName = (plan) => (typeof plan === "string" ? plan : plan.name);
