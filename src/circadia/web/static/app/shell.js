// The frame around every room: a rail on wide screens, a bar at the bottom of phones.
import { html, useId, useState } from "./lib.js";
import { useApi } from "./api.js";
import { Icon } from "./icons.js";
import { Link, address, useRoute } from "./router.js";
import { signOut, useSession } from "./session.js";
import { Banner, Dialog, Toasts, toast } from "./ui.js";

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

/** What the member who is shown is called: to an owner by the list of members, to others by what is shared with them. */
function useName(member) {
  const { me } = useSession();
  const owned = useApi(me?.role === "owner" && member !== me.user_id ? "/api/v1/admin/members" : null);
  const known = [...(me?.shared_with_me ?? []), ...(owned.data?.members ?? [])];
  return known.find((each) => each.user_id === member)?.name || member;
}

const possessive = (name) => (/s$/i.test(name) ? `${name}’` : `${name}’s`);

/** Above a room that shows somebody else: whom. */
function Shown({ path }) {
  const { me, member } = useSession();
  const name = useName(member);
  if (!me || member === null || member === me.user_id || path === "/admin" || path === "/welcome") return null;
  const own = path === "/settings";
  return html`<p class="shown-member" role="status">
    <${Icon} name="person" size=${20} />
    <span>${own ? html`Your own settings, not ${possessive(name)}` : html`<strong>${possessive(name)} days</strong>`}</span>
    ${me.role !== "coach" && html`<a href=${own ? path : "/"} class="text-link">Back to yours</a>`}
  </p>`;
}

/** Whose days are shown, and the way to somebody else's. */
function Whose() {
  const { me, member } = useSession();
  const others = me.shared_with_me ?? [];
  const shown = useName(member);
  const id = useId();
  const name = (id) => (id === me.user_id ? "Your own" : id === member ? shown : (others.find((each) => each.user_id === id)?.name ?? id));
  const known = [...new Set([...(me.role === "coach" ? [] : [me.user_id]), ...others.map((each) => each.user_id), member])];
  const choose = (event) => window.location.assign(`/?member=${encodeURIComponent(event.currentTarget.value)}`);
  const leave = () => signOut().catch((error) => toast(error.detail));
  return html`<div class="whose">
    ${known.length > 1 &&
    html`<label class="whose-label" for=${id}>Whose days</label>
      <select id=${id} value=${member} onChange=${choose}>
        ${known.map((each) => html`<option value=${each} selected=${each === member}>${name(each)}</option>`)}
      </select>`}
    <span class="whose-name"><${Icon} name="person" size=${18} /><span><span class="whose-label">Signed in as</span> ${me.name || (me.role === "coach" ? "a coach" : me.user_id)}</span></span>
    <button type="button" class="sign-out" onClick=${leave}>Sign out</button>
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
        <${Shown} path=${path} />
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

