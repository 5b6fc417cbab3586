// Which day it is, the way to others, how fresh it is and the button that asks again.
import { html, useRef } from "../lib.js";
import { addDays, ago, dateLabel, moment, today } from "../format.js";
import { Button } from "../ui.js";
import { Icon } from "../icons.js";
import { open } from "./gestures.js";

const relative = (date) => {
  const now = today();
  return date === now ? "Today" : date === addDays(now, -1) ? "Yesterday" : null;
};

/** `date` and what is known of its freshness: `asOf` is when WHOOP was last heard or, with `kept`, when this device
 * kept the day. `refresh` asks WHOOP where `asks`, otherwise what is stored. */
export function Head({ date, asOf, kept, words, refresh, asks, prefs }) {
  const picker = useRef(null);
  const pick = () => (picker.current.showPicker ? picker.current.showPicker() : picker.current.focus());
  const near = relative(date) ?? ago(`${date}T12:00:00Z`).replace(/^./, (first) => first.toUpperCase());
  const year = date.slice(0, 4) === today().slice(0, 4) ? "" : ` ${date.slice(0, 4)}`;
  const chosen = (event) => /^\d{4}-\d{2}-\d{2}$/.test(event.currentTarget.value) && open(event.currentTarget.value);
  const heard = asOf && html`<span title=${moment(asOf, prefs)}>${kept ? "Kept here" : "Synced"} ${ago(asOf)}</span>`;
  const fresh = words ?? heard ?? "";
  const step = (days) => () => open(addDays(date, days));
  return html`<header class="day-head">
    <div class="day-title">
      <p class="day-near">${near}${(words || kept) && html`<span class="day-news"> · ${fresh}</span>`}</p>
      <h1>
        <button type="button" class="day-pick" onClick=${pick}>
          <span class="wide-only">${dateLabel(date)}${year}</span>
          <span class="phone-only">${dateLabel(date, year ? "medium" : "day")}</span>
          <span class="visually-hidden">, choose another date</span>
          <${Icon} name="calendar" size=${20} />
        </button>
      </h1>
      <input ref=${picker} class="day-input" type="date" tabindex="-1" aria-hidden="true" value=${date} max=${today()} onChange=${chosen} />
    </div>
    <div class="day-buttons">
      <p class="day-fresh" role="status">${fresh}</p>
      <${Button} icon="refresh" busy=${Boolean(words)} onClick=${refresh} 
        aria-label=${asks ? "Ask WHOOP for what is new" : "Read again what is stored"} title="Refresh" />
      <span class="day-steps">
        <${Button} icon="left" aria-label="The day before" title="The day before (←)" onClick=${step(-1)} />
        <${Button} icon="right" aria-label="The day after" title="The day after (→)" onClick=${step(1)}
          disabled=${date >= today()} />
      </span>
    </div>
  </header>`;
}
