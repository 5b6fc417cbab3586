// What the log calls a deed, and the ways in, in words.

import { words } from "../format.js";

export const WAYS = { whoop: "with WHOOP", link: "by a link", share: "by a share link" };

const DEEDS = {
  "session.opened": "signed in",
  "session.ended": "signed out",
  "session.reused": "ended a session of which an old copy came back",
  "sessions.ended": "signed out everywhere",
  "owner.claimed": "became the owner",
  "connection.made": "connected WHOOP",
  "connection.ended": "disconnected WHOOP",
  "data.exported": "exported the data",
  "data.erased": "erased the data",
  "share.offered": "made a share link",
  "share.accepted": "took up a share",
  "share.revoked": "ended a share",
  "key.made": "made an API key",
  "key.revoked": "revoked an API key",
  "link.made": "made a link",
  "allowlist.changed": "changed who may join",
  "delivery.replayed": "had a webhook answered again",
  "grafana.granted": "gave a database role for Grafana",
  "grafana.revoked": "took a database role for Grafana back",
};
const LINKS = { owner: "for the owner", signin: "to sign in", invitation: "to join", share: "to share" };

export const deedOf = (deed) => DEEDS[deed] ?? words(deed.replace(".", " ")).toLowerCase();

export function actorOf({ actor, actor_kind: kind }, me) {
  if (kind === "terminal") return "The terminal";
  if (kind === "system") return "Circadia";
  if (kind === "key") return `API key ${actor}`;
  if (kind === "token") return `An app, for ${actor},`;
  return actor === me ? "You" : actor;
}

/** What of an entry's details is worth a reader's time. */
export function saidOf({ how, kind, name, note, scope, format } = {}) {
  const told = [WAYS[how], LINKS[kind], name && `“${name}”`, note && `“${note}”`, scope, format?.toUpperCase()].filter(Boolean);
  return told.length ? ` ${told.join(", ")}` : "";
}
