// The frame around every room: a rail on wide screens, a bar at the bottom of phones.
import { html, useState } from "./lib.js";
import { Icon } from "./icons.js";
import { Link, address, useRoute } from "./router.js";
import { signOut, useSession } from "./session.js";
import { Banner, Dialog, Toasts } from "./ui.js";

const ROOMS = [
  { path: "/", name: "Today", icon: "today" },
  { path: "/trends", name: "Trends", icon: "trends" },
  { path: "/sleep", name: "Sleep", icon: "sleep" },
  { path: "/strain", name: "Strain", icon: "strain" },
  { path: "/insights", name: "Insights", icon: "insights" },
  { path: "/data", name: "Data", icon: "data" },
  { path: "/settings", name: "Settings", icon: "settings" },
];
const ADMIN = { path: "/admin", name: "Admin", icon: "admin" };
const IN_THE_BAR = 4;

const isHere = (room, path) => room.path === path || (room.path === "/" && path.startsWith("/day/"));

function RoomLink({ room, path, onClick }) {
  return html`<${Link} to=${room.path} class="room-link" aria-current=${isHere(room, path) ? "page" : undefined} onMouseUp=${onClick}>
    <${Icon} name=${room.icon} size=${22} /><span>${room.name}</span>
  <//>`;
}

/** Whose days are shown, and the way to somebody else's. */
function Whose() {
  const { me, member } = useSession();
  const others = me.shared_with_me ?? [];
  const name = (id) => (id === me.user_id ? me.name || "You" : (others.find((each) => each.user_id === id)?.name ?? id));
  const known = [...new Set([...(me.role === "coach" ? [] : [me.user_id]), ...others.map((each) => each.user_id), member])];
  const choose = (event) => window.location.assign(`/?member=${encodeURIComponent(event.currentTarget.value)}`);
  return html`<div class="whose">
    ${known.length > 1
      ? html`<label class="visually-hidden" for="whose">Whose days</label>
          <select id="whose" value=${member} onChange=${choose}>
            ${known.map((id) => html`<option value=${id} selected=${id === member}>${name(id)}</option>`)}
          </select>`
      : html`<span class="whose-name"><${Icon} name="person" size=${18} />${name(me.user_id)}</span>`}
    <button type="button" class="sign-out" onClick=${() => signOut()}>Sign out</button>
  </div>`;
}

/** The rail, the bar and between them the room. */
export function Shell({ children }) {
  const { path } = useRoute();
  const { me, instance, kept, error } = useSession();
  const [more, setMore] = useState(false);
  const rooms = me ? [...ROOMS, ...(me.role === "owner" ? [ADMIN] : [])] : [];
  const rest = rooms.slice(IN_THE_BAR);
  return html`<a class="skip" href="#room">Skip to the content</a>
    <div class=${`shell ${me ? "" : "shell-bare"}`}>
      ${me &&
      html`<nav class="rail" aria-label="Rooms">
        <a class="brand" href=${address("/")}><img src=${document.querySelector('link[rel="icon"]').href} width="28" height="28" alt="" /><span>Circadia</span></a>
        ${rooms.map((room) => html`<${RoomLink} room=${room} path=${path} key=${room.path} />`)}
        <${Whose} />
      </nav>`}
      <main id="room" tabindex="-1">
        ${instance?.simulated &&
        html`<p class="demo-line"><span class="demo-mark">Demo</span><span>Simulated data<span class="wide-only">, so that every page has something to show</span></span></p>`}
        ${kept && html`<${Banner} tone="warn" title="No connection.">Showing what this device kept.<//>`}
        ${me && error && !kept && html`<${Banner} tone="warn" title="Circadia does not answer.">Showing what was last heard.<//>`}
        ${children}
      </main>
      ${me &&
      html`<nav class="bar" aria-label="Rooms, short">
          ${rooms.slice(0, IN_THE_BAR).map((room) => html`<${RoomLink} room=${room} path=${path} key=${room.path} />`)}
          <button type="button" class="room-link" aria-haspopup="dialog" aria-current=${rest.some((room) => isHere(room, path)) ? "page" : undefined} onClick=${() => setMore(true)}>
            <${Icon} name="more" size=${22} /><span>More</span>
          </button>
        </nav>
        <${Dialog} title="More" open=${more} onClose=${() => setMore(false)}>
          <div class="more" onClick=${(event) => event.target.closest("a") && setMore(false)}>
            ${rest.map((room) => html`<${RoomLink} room=${room} path=${path} key=${room.path} />`)}
            <${Whose} />
          </div>
        <//>`}
    </div>
    <${Toasts} />`;
}

