// Who is here, what this instance is, and whose days are shown.
import { createContext, html, useCallback, useContext, useEffect, useMemo } from "./lib.js";
import { forget, send, useApi } from "./api.js";
import { forgetEverything, keepOnlyFor } from "./offline.js";
import { useRoute } from "./router.js";

const DEFAULTS = { units: "metric", clock: "24h", week_starts: "monday", sync: "automatic" };

const Session = createContext(null);

/** Asks who is here; children see it through `useSession`. */
export function SessionProvider({ children }) {
  const { query } = useRoute();
  const instance = useApi("/api/v1/instance");
  const me = useApi(instance.data?.signed_in ? "/api/v1/me" : null);
  const reload = useCallback(() => Promise.all([me.reload(), instance.reload()]), [me.reload, instance.reload]);

  useEffect(() => {
    window.addEventListener("circadia:signed-out", instance.reload);
    return () => window.removeEventListener("circadia:signed-out", instance.reload);
  }, [instance.reload]);

  // what was heard, not what this device has kept, says whose it is
  const nobody = instance.data?.signed_in === false && !instance.kept;
  const somebody = me.kept ? undefined : me.data?.user_id;
  useEffect(() => {
    if (nobody || somebody) keepOnlyFor(nobody ? null : somebody);
  }, [nobody, somebody]);

  const session = useMemo(() => {
    const person = me.data;
    const shared = person?.shared_with_me ?? [];
    const asked = query.member;
    const own = person?.user_id ?? null;
    const first = person?.role === "coach" ? (shared[0]?.user_id ?? own) : own;
    const member = asked && (person?.role === "owner" || shared.some((each) => each.user_id === asked)) ? asked : first;
    return {
      me: person,
      instance: instance.data,
      member,
      // a coach looks, and changes nothing
      writes: member !== null && (member === own || person?.role === "owner") && person?.role !== "coach",
      prefs: { ...DEFAULTS, ...person?.preferences },
      loading: me.loading || instance.loading,
      error: me.error?.status === 401 ? instance.error : (me.error ?? instance.error),
      kept: me.kept,
      reload,
    };
  }, [me.data, me.loading, me.error, me.kept, instance.data, instance.loading, instance.error, query.member, reload]);

  return html`<${Session.Provider} value=${session}>${children}<//>`;
}

/** `{me, instance, member, writes, prefs, loading, error, kept, reload}`. `member`: the user id being shown. */
export const useSession = () => useContext(Session);

const OWN = { your: "your", you: "you" };
const THEIRS = { your: "their", you: "them" };

/** How the reader is spoken to about the days shown: theirs, or somebody else's. */
export function useWhose() {
  const { me, member } = useSession();
  return member === me?.user_id ? OWN : THEIRS;
}

/** Sign out here, or everywhere, and leave nothing of anybody on this device, even where Circadia could not be told. */
export async function signOut({ everywhere = false } = {}) {
  try {
    await send("POST", "/auth/signout", { everywhere });
  } catch (error) {
    if (error.status !== 401) throw error; // who is out already has what they wanted
  } finally {
    await forgetEverything();
  }
  forget();
  window.location.assign("/");
}
