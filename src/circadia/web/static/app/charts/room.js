/** The frame of a room of charts: its head with the choices kept in the address, and its states. */

import { html } from "../lib.js";
import { useMetrics } from "../metrics.js";
import { Link, go, useRoute } from "../router.js";
import { Card, Empty, Skeleton } from "../ui.js";
import { Trouble as Told } from "../welcome/trouble.js";

/** Title, one sentence, and the choices of a room. */
export function RoomHead({ title, about, children }) {
  return html`<header class="room-head">
    <div><h1>${title}</h1><p>${about}</p></div>
    <div class="room-choices">${children}</div>
  </header>`;
}

/**
 * `[choices, choose]`: what is chosen stands in the address, so that it can be kept and sent; `standard` does not. `known`
 * has the values there are of a choice; any other is as if nothing had been said.
 */
export function useChoices(standard, known) {
  const { path, query } = useRoute();
  const given = new URLSearchParams(query);
  const choices = Object.fromEntries(
    Object.entries(standard).map(([name, usual]) => [name, known[name].includes(given.get(name)) ? given.get(name) : usual]),
  );
  const choose = (changed) => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries({ ...choices, ...changed })) {
      if (value === standard[name]) next.delete(name);
      else next.set(name, value);
    }
    go(`${path}${next.size ? `?${next}` : ""}`, { replace: true });
  };
  return [choices, choose];
}

/** What a room shows before it knows its days, and when there are none. */
export function Whole({ extent, children }) {
  const known = useMetrics();
  if (extent.nobody) return html`<${Card}><${Empty} title="Nobody to show">Nobody shares their days with you yet.<//><//>`;
  if (extent.error && !extent.last) return html`<${Trouble} error=${extent.error} />`;
  if (!extent.last || !known.metrics.length) return html`<${Skeleton} height=${380} radius="20px" />`;
  if (extent.empty) {
    return html`<${Card}><${Empty} title="No days yet" action=${html`<${Link} to="/data"
      class="text-link">To the room Data<//>`}>Charts appear with the first day of data: connect WHOOP, or import an export file.<//><//>`;
  }
  return children();
}

/** A card whose content needs an answer: a skeleton of its height, the trouble, or the content; old content stays. */
export function Answer({ answer, height, children }) {
  if (answer.data)
    return html`<div class=${answer.loading ? "answer is-loading" : "answer"}
    aria-busy=${answer.loading}>${children(answer.data)}</div>`;
  if (answer.error) return html`<${Trouble} error=${answer.error} reload=${answer.reload} />`;
  return html`<${Skeleton} height=${height} />`;
}

/** A card around an answer. */
export function AnswerCard({ answer, height, children, ...card }) {
  return html`<${Card} ...${card}><${Answer} answer=${answer} height=${height}>${children}<//><//>`;
}

/** Why there is nothing to show, in the words of the API. */
export function Trouble({ error, reload }) {
  const action = reload && html`<button type="button" class="text-link" onClick=${reload}>Try again</button>`;
  return html`<${Told} error=${error} title="This could not be loaded" action=${action} />`;
}
