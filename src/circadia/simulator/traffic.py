"""What the simulated service was asked: the judge's record of a client's manners."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

KEPT = 500


class Seen(NamedTuple):
    """One kind of request; `status` 0 means that no whole answer was sent."""

    path: str
    method: str
    status: int
    client_id: str | None
    user_id: int | str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One request as it came; `path` is the template, `target` the real path with its query."""

    at: str
    path: str
    target: str
    method: str
    status: int
    client_id: str | None
    user_id: int | str | None
    user_agent: str
    fault: str | None


class Traffic:
    """Counts of all requests since the last reset and the last `KEPT` of them in full."""

    def __init__(self) -> None:
        self.counts: Counter[Seen] = Counter()
        self.token_calls: Counter[tuple[str, int]] = Counter()
        """(grant_type, status) of the token endpoint, which the rate windows do not count."""
        self.recent: deque[Entry] = deque(maxlen=KEPT)

    def note(self, entry: Entry) -> None:
        """Count one request."""
        seen = Seen(entry.path, entry.method, entry.status, entry.client_id, entry.user_id)
        self.counts[seen] += 1
        self.recent.append(entry)

    def count(self, **wanted: str | int | None) -> int:
        """How many requests had these values of `Seen`'s fields."""
        return sum(n for seen, n in self.counts.items() if wanted.items() <= seen._asdict().items())

    def reset(self) -> None:
        """Forget everything."""
        self.counts.clear()
        self.token_calls.clear()
        self.recent.clear()

    def report(self, last: int) -> dict[str, Any]:
        """JSON-ready: every count, the token calls, and the last requests, newest first."""
        return {
            "total": self.counts.total(),
            "counts": [
                seen._asdict() | {"count": n} for seen, n in sorted(self.counts.items(), key=lambda pair: str(pair[0]))
            ],
            "token_calls": [
                {"grant_type": grant, "status": status, "count": n}
                for (grant, status), n in sorted(self.token_calls.items())
            ],
            "recent": [asdict(entry) for entry in list(self.recent)[::-1][:last]],
        }
