// A WHOOP data export, dropped or chosen: sent with its progress, then followed until it is read.

import { number } from "../format.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { follow } from "../live.js";
import { Banner, Button } from "../ui.js";
import { sentence } from "../welcome/trouble.js";
import { TYPES } from "./words.js";

const KINDS = { ...TYPES, journal: "Journal answers" };
const FINISHED = ["succeeded", "partial", "failed"];
const SHOWN = 20;

// fetch tells nothing of how far an upload is; this does
function upload(path, file, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Content-Type", file.name.endsWith(".csv") ? "text/csv" : "application/zip");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && told(event.loaded / event.total);
    request.onload = () =>
      request.status === 202 ? resolve(request.response) : reject(request.response ?? { detail: `the service answered ${request.status}` });
    request.onerror = () => reject({ detail: "the file could not be sent", remedy: "Look at your network and try again." });
    request.send(file);
  });
}

export function Importing({ userId, onDone }) {
  const [over, setOver] = useState(false);
  const [sent, setSent] = useState(null);
  const [run, setRun] = useState(null);
  const [error, setError] = useState(null);
  const input = useRef(null);
  const stop = useRef(null);
  useEffect(() => () => stop.current?.(), []);

  const take = async (file) => {
    if (!file) return;
    setError(null);
    setRun(null);
    setSent({ name: file.name, share: 0 });
    try {
      const path = `/api/v1/whoop/import/${encodeURIComponent(userId)}`;
      const { run_id } = await upload(path, file, (share) => setSent({ name: file.name, share }));
      setSent({ name: file.name, share: 1 });
      stop.current = follow(run_id, (told) => {
        setRun(told);
        if (FINISHED.includes(told.state)) {
          setSent(null);
          onDone?.(told);
        }
      });
    } catch (failure) {
      setSent(null);
      setError(failure);
    }
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  const hover = (yes) => (event) => {
    event.preventDefault();
    setOver(yes);
  };
  return html`<div class="import">
    <div class=${`drop${over ? " drop-over" : ""}`} onDragOver=${hover(true)} onDragEnter=${hover(true)} onDragLeave=${hover(false)} onDrop=${drop}>
      ${sent ? html`<${Underway} sent=${sent} run=${run} />` : html`
        <p class="drop-words"><strong>Drop the export here</strong>
          <span>the zip that WHOOP mailed you, or one CSV file of it</span></p>
        <${Button} onClick=${() => input.current.click()}>Choose a file<//>
        <input ref=${input} type="file" class="visually-hidden" tabindex="-1" aria-label="WHOOP data export" accept=".zip,.csv"
          onChange=${(event) => { take(event.target.files[0]); event.target.value = ""; }} />`}
    </div>
    <div aria-live="polite">
      ${error && html`<${Banner} tone="bad" title="The file was not taken">${sentence(error.detail ?? error.message)} ${error.remedy}<//>`}
      ${run && FINISHED.includes(run.state) && html`<${Report} run=${run} />`}
    </div>
  </div>`;
}

function Underway({ sent, run }) {
  const sending = sent.share < 1;
  const rows = run?.progress?.rows;
  return html`<div class="drop-progress">
    <p><strong>${sent.name}</strong> <span>${sending ? `${Math.round(100 * sent.share)} % sent` : rows ? `${number(rows)} rows read` : "being read"}</span></p>
    <progress class="gauge" max="1" value=${sending ? sent.share : undefined} aria-label=${sending ? "Sending the file" : "Reading the file"} />
  </div>`;
}

function Report({ run }) {
  if (run.state === "failed" && run.error) {
    return html`<${Banner} tone="bad" title="Nothing was imported">${sentence(run.error.message)} ${run.error.remedy}<//>`;
  }
  const types = Object.keys(KINDS).filter((name) => run.outcome.types[name]?.read);
  const { days } = run.outcome;
  return html`<div class="import-report">
    <${Banner} tone=${run.state === "partial" ? "warn" : "good"} title=${days ? `${number(days)} ${days === 1 ? "day" : "days"} changed` : "Nothing new in it"}>
      ${run.state === "partial" ? "Some rows could not be read; the rest is here." : "Everything in the file was read."}
    <//>
    <table class="table plain">
      <caption class="visually-hidden">What the import brought</caption>
      <thead><tr><th scope="col">Records</th><th scope="col">In the file</th><th scope="col">New</th><th scope="col">Here already</th></tr></thead>
      <tbody>${types.map((name) => {
        const { read, written, unchanged, yielded } = run.outcome.types[name];
        return html`<tr><th scope="row">${KINDS[name]}</th><td>${number(read)}</td><td>${number(written)}</td><td>${number(unchanged + yielded)}</td></tr>`;
      })}</tbody>
    </table>
    ${run.outcome.problem_count > 0 && html`<details class="fold"><summary>${number(run.outcome.problem_count)} rows could not be read</summary>
      <ul class="problems" tabindex="0" aria-label="Rows that could not be read">${run.outcome.problems.slice(0, SHOWN).map(
        (each) => html`<li><code>${each.file}${each.line ? `:${each.line}` : ""}</code> ${sentence(each.message)}</li>`)}</ul></details>`}
  </div>`;
}
