// What this device keeps for times without a network.

import { keepHeard } from "../api.js";
import { html, useState } from "../lib.js";
import { keepDays, keepsDays } from "../offline.js";
import { Card, Switch, toast } from "../ui.js";
import { useDeed } from "../welcome/act.js";
import { Trouble } from "../welcome/trouble.js";

export function Device({ userId }) {
  const [on, setOn] = useState(keepsDays());
  const keep = useDeed(async (wanted) => {
    setOn(wanted);
    try {
      await keepDays(wanted, userId);
    } catch (error) {
      setOn(false);
      await keepDays(false, userId);
      throw error;
    }
    if (wanted) keepHeard();
    toast(wanted ? "The last 30 days are on this device" : "Nothing is kept on this device");
  });
  return html`<${Card} title="This device">
    <${Switch} label="Keep the last 30 days here" checked=${on} disabled=${keep.busy} onChange=${keep.run}
      hint="So that they open without a network. Anybody who can unlock this device can read them. Signing out removes them." />
    <${Trouble} error=${keep.error} title="The days could not be kept" />
  <//>`;
}
