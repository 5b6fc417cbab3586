"""The simulator on a port: real sockets, broken connections, restarts."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from circadia.simulator.serve import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_REDIRECT_URI, demo_client, simulator
from circadia.simulator.whoop import Limits

_RUN = """
import sys
from pathlib import Path
from circadia.simulator.serve import run
run(port=int(sys.argv[1]), members=2, days=20, seed=4, state_file=Path(sys.argv[2]))
"""


@contextmanager
def served(state_file: Path) -> Iterator[httpx2.Client]:
    """A simulator in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(port), str(state_file)], stderr=subprocess.PIPE)
    agent = {"User-Agent": "circadia-tests"}
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=agent, trust_env=False) as http:
            _wait_until_ready(http, process)
            yield http
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _wait_until_ready(http: httpx2.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            http.get("/_sim/members").raise_for_status()
        except httpx2.ConnectError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    raise AssertionError(process.communicate()[1].decode())


def connect(http: httpx2.Client, user_id: int) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": DEMO_CLIENT_ID,
        "redirect_uri": DEMO_REDIRECT_URI,
        "scope": "offline read:cycles read:profile",
        "state": "0123456789abcdef",
        "sim_member": str(user_id),
        "sim_consent": "allow",
    }
    location = http.get("/oauth/oauth2/auth", params=asked).headers["Location"]
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(location).query)["code"][0],
        "redirect_uri": DEMO_REDIRECT_URI,
        "client_id": DEMO_CLIENT_ID,
        "client_secret": DEMO_CLIENT_SECRET,
    }
    tokens: dict[str, str] = http.post("/oauth/oauth2/token", data=form).json()
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def test_connection_survives_a_restart_and_faults_reach_the_socket(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with served(file) as http:
        members = [member["user_id"] for member in http.get("/_sim/members").json()]
        headers = connect(http, members[1])
        epoch_truth = http.get(f"/_sim/truth/{members[1]}").json()["sleep"]
        http.post("/_sim/clock", json={"advance_seconds": 600})
        moved = http.get("/_sim/clock").json()["now"]
    with served(file) as http:
        assert http.get("/developer/v2/user/profile/basic", headers=headers).json()["user_id"] == members[1]
        known = {sleep["id"] for sleep in http.get(f"/_sim/truth/{members[1]}").json()["sleep"]}
        assert {sleep["id"] for sleep in epoch_truth} <= known
        assert http.get("/_sim/clock").json()["now"] > moved

        http.post("/_sim/faults", json={"kind": "disconnect", "path": "/developer/"})
        with pytest.raises(httpx2.RemoteProtocolError):
            http.get("/developer/v2/cycle", headers=headers)
        http.post("/_sim/faults", json={"kind": "hang", "path": "/developer/", "seconds": 30})
        with pytest.raises(httpx2.ReadTimeout):
            http.get("/developer/v2/cycle", headers=headers, timeout=0.2)
        assert http.get("/developer/v2/cycle", headers=headers).status_code == 200


def test_kept_state_belongs_to_its_world(tmp_path: Path) -> None:
    file = tmp_path / "state.json"

    def built(seed: int) -> list[int]:
        limits = Limits(per_minute=6000, per_day=1_000_000)
        whoop = simulator(members=1, days=5, seed=seed, limits=limits, client=demo_client(), state_file=file)
        whoop.state.save()
        return whoop.state.world.user_ids

    assert built(1) == built(1)
    with pytest.raises(ValueError, match="seed"):
        built(2)
