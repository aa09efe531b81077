"""Run in a new network namespace: connect it to another one, send, and print the totals."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from readings import by_key

from dashapp.sources.system.network import NetworkSource

UPLINK, ADDRESS, PEER = "uplink", "10.99.0.1", "10.99.0.2"
# Kernels are built without some of these.
OPTIONAL = {
    "dummy9": "type dummy",
    "ifb9": "type ifb",
    "mgmt": f"link {UPLINK} type vlan id 5",
    "side": "link lan type macvlan",
    "shared": "link lan type ipvlan",
    "secret": "type wireguard",
}


def ip(*words: str) -> bool:
    return subprocess.run(["ip", *words], capture_output=True, check=False).returncode == 0


def run() -> None:
    """Print the stacked devices, the bytes sent, and what the source counted."""
    # A process whose namespace is the other end of the cable.
    other = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo ready; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == b"ready\n"
    assert ip("link", "add", UPLINK, "type", "veth", "peer", "name", "far", "netns", str(other.pid))
    assert ip("link", "add", "lan", "type", "bridge")
    assert ip("link", "set", UPLINK, "master", "lan")
    stacked = [name for name, words in OPTIONAL.items() if ip("link", "add", name, *words.split())]
    for name in (UPLINK, "lan", *stacked):
        ip("link", "set", name, "up")
    assert ip("address", "add", f"{ADDRESS}/24", "dev", "lan")
    enter = ["nsenter", "--net", "--target", str(other.pid), "ip"]
    subprocess.run([*enter, "link", "set", "far", "up"], check=True)
    subprocess.run([*enter, "address", "add", f"{PEER}/24", "dev", "far"], check=True)
    seconds = iter(range(1000))
    source = NetworkSource(clock=lambda: float(next(seconds)))
    source.read()
    before, sent = _sent_bytes("lan"), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        # The bridge forwards once its port is ready.
        while sent < 100 or _sent_bytes(UPLINK) < 50_000:
            client.sendto(bytes(1000), (PEER, 9))
            sent += 1
            time.sleep(0.01)
    values = by_key(source.read())
    other.stdin.close()
    other.wait()
    json.dump({"stacked": stacked, "values": values, "bridge": _sent_bytes("lan") - before}, sys.stdout)


def _sent_bytes(link: str) -> int:
    return int(Path("/sys/class/net", link, "statistics/tx_bytes").read_text())


if __name__ == "__main__":
    run()
