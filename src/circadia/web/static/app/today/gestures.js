// The way to other days: by address, by keys, by a finger.
import { useEffect, useRef } from "../lib.js";
import { addDays, today } from "../format.js";
import { go } from "../router.js";

const ENOUGH_PX = 64;

/** To a date; today and what comes after has the short address. */
export const open = (date) =>
  date <= today() && go(`/day/${date}`, { replace: window.location.pathname.startsWith("/day/") });

/** Arrow keys and sideways swipes change the day, a pull from the top asks again. */
export function useGestures(date, refresh) {
  const begun = useRef(null); // outlives what is drawn anew under the finger
  useEffect(() => {
    const busy = (target) => target.closest?.("input, select, textarea, dialog, .table-frame, .segmented");
    const key = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.shiftKey || busy(event.target)) return;
      if (event.key === "ArrowLeft") open(addDays(date, -1));
      if (event.key === "ArrowRight") open(addDays(date, 1));
      if (event.key === "t") go("/");
    };
    const down = ({ touches, target }) => {
      const [{ clientX: x, clientY: y }] = touches;
      begun.current = touches.length === 1 && !busy(target) ? { x, y, top: window.scrollY <= 0 } : null;
    };
    const up = ({ changedTouches: [touch] }) => {
      const start = begun.current;
      if (!start) return;
      begun.current = null;
      const [dx, dy] = [touch.clientX - start.x, touch.clientY - start.y];
      if (Math.abs(dx) > ENOUGH_PX && Math.abs(dx) > 2 * Math.abs(dy)) open(addDays(date, dx > 0 ? -1 : 1));
      else if (start.top && dy > 2 * ENOUGH_PX && dy > 2 * Math.abs(dx)) refresh();
    };
    document.addEventListener("keydown", key);
    document.addEventListener("touchstart", down, { passive: true });
    document.addEventListener("touchend", up, { passive: true });
    return () => {
      document.removeEventListener("keydown", key);
      document.removeEventListener("touchstart", down);
      document.removeEventListener("touchend", up);
    };
  }, [date, refresh]);
}
