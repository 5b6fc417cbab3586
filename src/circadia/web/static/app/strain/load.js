/** Load: the last week against the last four. A convention of sports science, and no measure of risk. */

import { html, useMemo, useState } from "../lib.js";
import { useAnalysis } from "../charts/ask.js";
import { Lines } from "../charts/lines.js";
import { AnswerCard } from "../charts/room.js";
import { dateLabel, number } from "../format.js";
import { Figure, Segmented } from "../ui.js";

const BY = [
  { value: "strain", label: "Strain" },
  { value: "energy_kj", label: "Energy" },
  { value: "zone_load", label: "Zones" },
];
const DIGITS = { strain: 1, energy_kj: 0, zone_load: 0 };
const UNITS = { strain: "", energy_kj: "kJ", zone_load: "zone min" };
const WORDS = { below: "below what is usual", usual: "as is usual", above: "above what is usual" };
const USUAL = { low: 0.8, high: 1.3, label: "Called usual, 0.8 to 1.3" };

export function Load({ member, span, onPick }) {
  const [by, setBy] = useState("strain");
  const answer = useAnalysis(member, "load", span && { from: span.from, to: span.to, by });
  return html`<${AnswerCard} title="Load" answer=${answer} height=${640}
    about="Acute: mean of 7 days. Chronic: mean of 28. Their ratio, its 0.8 to 1.3 and monotony (mean of 7 days by their
      SD, Foster 1998) are conventions, disputed as signs of risk (Impellizzeri 2020). Strain is not additive; energy and
      zone minutes are."
    actions=${html`<${Segmented} label="Load by" options=${BY} value=${by} onChange=${setBy} />`}>
    ${({ rows }) => html`<${Courses} rows=${rows} by=${by} onPick=${onPick} />`}
  <//>`;
}

function Courses({ rows, by, onPick }) {
  const days = useMemo(() => rows.map((row) => row.day), [rows]);
  const loads = useMemo(
    () => [
      { label: "Acute, 7 days", colour: "strain", values: rows.map((row) => row.acute_7d) },
      { label: "Chronic, 28 days", colour: "ink-2", dashed: true, values: rows.map((row) => row.chronic_28d) },
    ],
    [rows],
  );
  const ratios = useMemo(
    () => [
      { label: "Ratio", colour: "strain", values: rows.map((row) => row.ratio_coupled) },
      { label: "Ratio of weighted means", colour: "ink-2", dashed: true, values: rows.map((row) => row.ratio_ewma) },
    ],
    [rows],
  );
  const plain = { label: (each) => number(each, Number.isInteger(each) ? 0 : 1) };
  const loadAxis = useMemo(() => ({ ...plain, unit: UNITS[by] }), [by]);
  const ratioAxis = useMemo(
    () => ({
      ...plain,
      min: ({ min }) => Math.min(0.6, Math.floor(min * 5) / 5),
      max: ({ max }) => Math.max(1.6, Math.ceil(max * 5) / 5),
      interval: 0.2,
    }),
    [],
  );
  const last = rows.at(-1);
  const amount = (figure) => (figure === null ? "–" : `${number(figure, DIGITS[by])}${UNITS[by] && ` ${UNITS[by]}`}`);
  const ratio = (figure) => number(figure, 2);
  const tip = (i) => ({
    title: dateLabel(days[i], "full"),
    lines: [
      { label: "That day", text: amount(rows[i].load) },
      { label: "Acute, 7 days", colour: "strain", text: amount(rows[i].acute_7d) },
      { label: "Chronic, 28 days", colour: "ink-2", text: amount(rows[i].chronic_28d) },
      { label: "Ratio", text: ratio(rows[i].ratio_coupled) },
      { label: "Monotony", text: ratio(rows[i].monotony_7d) },
      ...(rows[i].note ? [{ label: rows[i].note }] : []),
    ],
  });
  const columns = [
    ["day", "Date"],
    ["load", "That day"],
    ["acute", "Acute"],
    ["chronic", "Chronic"],
    ["ratio", "Ratio"],
    ["uncoupled", "Ratio, uncoupled"],
    ["weighted", "Ratio, weighted"],
    ["monotony", "Monotony"],
    ["strain", "Training strain"],
    ["note", "Note"],
  ].map(([name, label], i) => ({ name, label, align: i && name !== "note" ? "right" : undefined }));
  const table = {
    columns,
    rows: () =>
      rows
        .map((row) => ({
          day: dateLabel(row.day, "medium"),
          load: amount(row.load),
          acute: amount(row.acute_7d),
          chronic: amount(row.chronic_28d),
          ratio: ratio(row.ratio_coupled),
          uncoupled: ratio(row.ratio_uncoupled),
          weighted: ratio(row.ratio_ewma),
          monotony: ratio(row.monotony_7d),
          strain: amount(row.training_strain_7d),
          note: row.note ?? "",
        }))
        .reverse(),
  };
  return html`<div class="room-figures">
      <${Figure} label="Acute, 7 days" value=${amount(last.acute_7d)} note="daily mean" />
      <${Figure} label="Chronic, 28 days" value=${amount(last.chronic_28d)} note="daily mean" />
      <${Figure} label="Ratio" value=${ratio(last.ratio_coupled)} note=${last.note ?? WORDS[last.band]} />
      <${Figure} label="Monotony" value=${ratio(last.monotony_7d)}
        note=${last.monotony_7d === null ? "needs 7 days that differ" : "the same every day makes it high"} />
    </div>
    <${Lines} label="Acute and chronic load." days=${days} lines=${loads} axis=${loadAxis} tip=${tip} height=${220} group="load" onPick=${onPick}
      table=${table} />
    <h3 class="chart-title">Ratio of acute to chronic</h3>
    <${Lines} label="Ratio of acute to chronic load." days=${days} lines=${ratios} band=${USUAL} axis=${ratioAxis} tip=${tip} height=${180}
      group="load" onPick=${onPick} />
    <p class="room-note">A convention that coaches use, not a measure of risk.</p>`;
}
