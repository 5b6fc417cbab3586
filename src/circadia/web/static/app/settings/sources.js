// Where WHOOP and Sahha both tell a figure: who is believed first.

import { send, useApi } from "../api.js";
import { html, useState } from "../lib.js";
import { readingLabel } from "../metrics.js";
import { Button, Card, Segmented, Skeleton } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Trouble } from "../welcome/trouble.js";
import { Row } from "./preferences.js";

const ORDERS = [
  { value: "whoop", label: "WHOOP" },
  { value: "sahha", label: "Sahha" },
  { value: "mean", label: "Mean" },
];

export function Sources({ userId }) {
  const path = `/api/v1/unified/${encodeURIComponent(userId)}/policy`;
  const policy = useApi(path);
  const [chosen, setChosen] = useState({}); // shown at once, and no longer if it could not be kept
  const save = useDeed(async (overrides, wanted = {}) => {
    setChosen(wanted);
    try {
      await send("PUT", path, { overrides });
      await policy.reload();
    } finally {
      setChosen({});
    }
  });
  const both = Object.entries(policy.data?.policies ?? {}).filter(([, each]) => each.sources.length > 1);
  const overrides = policy.data?.overrides ?? {};
  const changed = Object.keys(overrides).length > 0;
  const choose = (name) => (value) => save.run({ ...overrides, [name]: { ...overrides[name], ...ordered(value) } }, { [name]: value });
  return html`<${Card} title="Whom to believe" actions=${changed && html`<${Button} kind="quiet" busy=${save.busy} onClick=${() => save.run({})}>As it was<//>`}>
    <p class="quiet">Where WHOOP and Sahha both tell a figure, the first one counts and the other stays visible beside it.</p>
    <${Trouble} error=${policy.error ?? save.error} />
    ${!policy.data && !policy.error && html`<${Skeleton} height=${240} />`}
    <div class="sources">
      ${both.map(([name, each]) => html`<${Row} label=${readingLabel(name)} note=${name in overrides ? "your choice" : null}>
        <${Segmented} label=${`${readingLabel(name)}: whom to believe`} options=${orders(name)} value=${chosen[name] ?? (each.how === "mean" ? "mean" : each.sources[0])} onChange=${choose(name)} /><//>`)}
    </div>
  <//>`;
}

function ordered(value) {
  if (value === "mean") return { how: "mean" };
  return { how: "choose", sources: value === "whoop" ? ["whoop", "sahha"] : ["sahha", "whoop"] };
}

// the mean of two instants of falling asleep is nobody's
const orders = (name) => (name.endsWith("_at") ? ORDERS.slice(0, 2) : ORDERS);
