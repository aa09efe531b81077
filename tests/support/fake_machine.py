"""A fake machine: a /proc and a /sys in a folder, and psutil functions with the same values.

`pass_time` increases every counter at its own rate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Jiffies per second of each kind of CPU time.
USER, SYSTEM, IDLE, IOWAIT = 30, 10, 50, 10


class FakeMachine:
    """`cores` has the times of each online core, `disks` and `links` the bytes of each device."""

    def __init__(self, folder: Path) -> None:
        self.proc = str(folder / "proc")
        self.sys = str(folder / "sys")
        self.time = 1000.0
        self.cores: dict[int, dict[str, int]] = {}
        self.plug(0, 1)
        self.counts = dict.fromkeys(("ctxt", "intr", "pswpin", "pswpout", "stall"), 1000)
        self.disks = {"sda": 1_000_000, "sda1": 1_000_000, "loop0": 5000}
        self.links = {"lo": 1_000_000, "eth0": 1_000_000, "ifb0": 0, "veth1234": 5000}
        self.answers: dict[str, Any] = {}
        self.write()

    def now(self) -> float:
        return self.time

    def plug(self, *cores: int) -> None:
        for core in cores:
            self.cores[core] = {"user": 1000, "system": 500, "idle": 9000, "iowait": 100}

    def unplug(self, *cores: int) -> None:
        for core in cores:
            del self.cores[core]

    def pass_time(self, seconds: float = 1.0) -> None:
        self.time += seconds
        for times in self.cores.values():
            times["user"] += round(USER * seconds)
            times["system"] += round(SYSTEM * seconds)
            times["idle"] += round(IDLE * seconds)
            times["iowait"] += round(IOWAIT * seconds)
        for name in self.counts:
            self.counts[name] += round(100 * seconds)
        for moved in (self.disks, self.links):
            for name in moved:
                if moved[name]:
                    moved[name] += round(1000 * seconds)
        self.write()

    def reset(self, to: int = 5) -> None:
        """Set every counter back, as after a wrap or a driver's restart; no time passes."""
        for times in self.cores.values():
            times.update(dict.fromkeys(times, to))
        self.counts = dict.fromkeys(self.counts, to)
        self.disks = {name: min(moved, to) for name, moved in self.disks.items()}
        self.links = {name: min(moved, to) for name, moved in self.links.items()}
        self.write()

    def write(self) -> None:
        for path, content in self._files().items():
            place = Path(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            # Closing a file that was truncated to nothing makes ext4 wait for the disk.
            with place.open("r+" if place.exists() else "w") as file:
                file.write(content)
                file.truncate()

    def _files(self) -> dict[str, str]:
        proc, sys, count = self.proc, self.sys, self.counts
        zeros = " ".join("0" * 500)
        cores = "".join(
            f"cpu{core} {t['user']} 0 {t['system']} {t['idle']} {t['iowait']} 0 0 0 0 0\n"
            for core, t in sorted(self.cores.items())
        )
        stall = count["stall"]
        pressure = f"some avg10=0.00 avg60=0.00 avg300=0.00 total={100 * stall}\n"
        full = f"full avg10=0.00 avg60=0.00 avg300=0.00 total={50 * stall}\n"
        return {
            f"{proc}/stat": f"cpu  1 2 3 4 5 6 7 8 0 0\n{cores}intr {count['intr']} {zeros}\n"
            f"ctxt {count['ctxt']}\nbtime 1795224945\n",
            f"{proc}/loadavg": "0.50 1.25 2.00 3/120 4567\n",
            f"{proc}/uptime": f"{self.time:.2f} {self.time:.2f}\n",
            f"{proc}/1/comm": "init\n",
            f"{proc}/234/comm": "sh\n",
            f"{proc}/meminfo": "MemTotal: 8000 kB\nMemFree: 1000 kB\nMemAvailable: 6000 kB\nBuffers: 100 kB\n"
            "Cached: 3000 kB\nSwapTotal: 400 kB\nSwapFree: 300 kB\nSReclaimable: 500 kB\n",
            f"{proc}/vmstat": f"nr_free_pages 5\npswpin {count['pswpin']}\npswpout {count['pswpout']}\n",
            f"{proc}/cpuinfo": "processor\t: 0\ncpu MHz\t\t: 2000.000\n\ncpu MHz\t\t: 3000.000\n",
            f"{proc}/pressure/cpu": pressure,
            f"{proc}/pressure/memory": pressure + full,
            f"{proc}/pressure/io": pressure + full,
            f"{proc}/diskstats": "".join(
                f"   8 0 {name} {n // 1000} 0 {n // 512} 9 {n // 500} 0 {n // 256} 9 0 {n // 10} 9\n"
                for name, n in self.disks.items()
            ),
            f"{proc}/net/dev": "Inter-|   Receive\n face |bytes\n"
            + "".join(
                f"{name:>6}: {n} {n // 100} {n // 1000} 0 0 0 0 0 {2 * n} {n // 50} 0 0 0 0 0 0\n"
                for name, n in self.links.items()
            ),
            f"{proc}/net/tcp": "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
            + _socket(0, "0A")
            + _socket(1, "01") * 3
            + _socket(2, "06"),
            f"{proc}/net/sockstat": "sockets: used 9\nTCP: inuse 4 orphan 0 tw 1 alloc 4 mem 1\n",
            f"{proc}/self/mounts": "/dev/sda1 / ext4 rw 0 0\n/dev/sda1 /home ext4 rw 0 0\n"
            "proc /proc proc rw 0 0\nserver:/x /mnt/slow nfs4 rw 0 0\n/dev/sdb1 /mnt/a\\040b xfs rw 0 0\n"
            "/dev/loop0 /snap/core squashfs ro 0 0\n",
            f"{sys}/devices/system/cpu/cpu0/online": "1\n",
        }

    def call(self, name: str) -> Callable[[], Any]:
        """Return a psutil function that returns or raises `answers[name]`, else the machine's value."""

        def answer() -> Any:
            found = self.answers[name] if name in self.answers else getattr(self, f"_{name}")()
            if isinstance(found, Exception):
                raise found
            return found

        return answer

    def _cpu_times(self) -> Any:
        return [SimpleNamespace(**times) for _, times in sorted(self.cores.items())]

    def _cpu_stats(self) -> Any:
        return SimpleNamespace(ctx_switches=self.counts["ctxt"], interrupts=self.counts["intr"])

    def _cpu_freq(self) -> Any:
        return SimpleNamespace(current=2500.0, min=0.0, max=0.0)

    def _getloadavg(self) -> Any:
        return (0.5, 1.25, 2.0)

    def _virtual_memory(self) -> Any:
        return SimpleNamespace(total=8_192_000, available=6_144_000, cached=3_584_000, buffers=102_400)

    def _swap_memory(self) -> Any:
        swapped = 4096 * self.counts["pswpin"]
        return SimpleNamespace(total=409_600, used=102_400, sin=swapped, sout=swapped)

    def _disk_io_counters(self) -> Any:
        return {
            name: SimpleNamespace(
                read_bytes=n, write_bytes=2 * n, read_count=n // 1000, write_count=n // 500, busy_time=n // 10
            )
            for name, n in self.disks.items()
        }

    def _net_io_counters(self) -> Any:
        zero = dict.fromkeys(("errin", "errout", "dropin", "dropout"), 0)
        return {
            name: SimpleNamespace(
                bytes_recv=n, bytes_sent=2 * n, packets_recv=n // 100, packets_sent=n // 50, **zero
            )
            for name, n in self.links.items()
        }

    def _disk_partitions(self) -> Any:
        return [SimpleNamespace(device="/dev/disk1", mountpoint="/", fstype="apfs", opts="rw")]

    def _sensors_temperatures(self) -> Any:
        return {
            "coretemp": [SimpleNamespace(label=label, current=41.5) for label in ("Core 0", "Core 1", "", "")]
        }

    def _sensors_fans(self) -> Any:
        return {"dell_smm": [SimpleNamespace(label="", current=1800)]}

    def _sensors_battery(self) -> Any:
        return SimpleNamespace(percent=93, secsleft=3600, power_plugged=True)

    def _pids(self) -> Any:
        return [1, 234]

    def _boot_time(self) -> Any:
        return 500.0


def _socket(row: int, state: str) -> str:
    return (
        f"   {row}: 0100007F:1F90 0100007F:C350 {state} 00000000:00000000 00:00000000 00000000     0 0 1 1\n"
    )


def size_of_disk(point: str) -> Any:
    """Return a file system of 1000 blocks: 400 used, 500 available to users."""
    return SimpleNamespace(f_blocks=1000, f_bfree=600, f_bavail=500)
