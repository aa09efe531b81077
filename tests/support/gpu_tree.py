"""GPUs of AMD and Intel in a folder, as amdgpu, i915 and xe describe them, and processes that use them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

AMD, I915, XE = "0000:03:00.0", "0000:00:02.0", "0000:04:00.0"
AMD_FILES = {
    "vendor": "0x1002",
    "product_name": "Radeon Pro W7900",
    "gpu_busy_percent": "37",
    "mem_info_vram_used": "2000000000",
    "mem_info_vram_total": "8000000000",
    "hwmon/hwmon3/temp1_input": "54000",
    "hwmon/hwmon3/power1_average": "112500000",
    "hwmon/hwmon3/freq1_input": "1850000000",
    "power/runtime_status": "active",
}
I915_FILES = {
    "vendor": "0x8086",
    "../gt_act_freq_mhz": "1300",
    "../gt/gt0/throttle_reason_status": "1",
    "../gt/gt0/throttle_reason_pl1": "1",
    "../gt/gt0/throttle_reason_pl2": "0",
    "../gt/gt0/throttle_reason_thermal": "0",
}
XE_FILES = {
    "vendor": "0x8086",
    "tile0/gt0/freq0/act_freq": "2400",
    "tile0/gt0/freq0/throttle/status": "0",
    "tile0/gt0/freq0/throttle/reason_thermal": "0",
    "hwmon/hwmon5/energy1_input": "1000000000",
    "hwmon/hwmon5/temp2_input": "61000",
}


class GpuTree:
    """A /sys and a /proc in a folder; a test sets `time`, in seconds, by hand."""

    def __init__(self, folder: Path) -> None:
        self.sys, self.proc = folder / "sys", folder / "proc"
        self.proc.mkdir()
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def card(self, number: int, address: str, files: Mapping[str, str]) -> Path:
        """Write a card and return the folder of its device; `..` before a path is the card itself."""
        device = self.sys / "devices/pci0000:00" / address
        device.mkdir(parents=True)
        card = self.sys / f"class/drm/card{number}"
        card.mkdir(parents=True)
        (card / "device").symlink_to(device)
        for name, content in files.items():
            write(card / name.removeprefix("../") if name.startswith("../") else device / name, content)
        # A connector is no card.
        (self.sys / f"class/drm/card{number}-HDMI-A-1").mkdir()
        return device

    def pci(self, address: str, vendor: str, kind: str) -> None:
        write(self.sys / f"bus/pci/devices/{address}/vendor", vendor)
        write(self.sys / f"bus/pci/devices/{address}/class", kind)

    def client(self, pid: int, name: str, *fdinfo: str) -> None:
        """Write a process that has opened a GPU once for each text in `fdinfo`."""
        (self.proc / str(pid) / "fd").mkdir(parents=True, exist_ok=True)
        write(self.proc / str(pid) / "comm", name)
        for number, content in enumerate(fdinfo, 3):
            link = self.proc / str(pid) / "fd" / str(number)
            link.unlink(missing_ok=True)
            link.symlink_to("/dev/dri/renderD128")
            write(self.proc / str(pid) / "fdinfo" / str(number), f"pos:\t0\nflags:\t02\n{content}")


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n")


def i915_client(client: int, render: int, video: int = 0, address: str = I915) -> str:
    return (
        f"drm-driver:\ti915\ndrm-pdev:\t{address}\ndrm-client-id:\t{client}\n"
        f"drm-engine-render:\t{render} ns\ndrm-engine-video:\t{video} ns\ndrm-engine-capacity-video:\t2\n"
        "drm-resident-system0:\t4096 KiB"
    )


def xe_client(client: int, cycles: int, total: int, vram: int = 0) -> str:
    return (
        f"drm-driver:\txe\ndrm-pdev:\t{XE}\ndrm-client-id:\t{client}\ndrm-total-vram0:\t{vram + 100} KiB\n"
        f"drm-resident-vram0:\t{vram} KiB\ndrm-cycles-rcs:\t{cycles}\ndrm-total-cycles-rcs:\t{total}"
    )


def amd_client(client: int, vram: int) -> str:
    return (
        f"drm-driver:\tamdgpu\ndrm-client-id:\t{client}\ndrm-pdev:\t{AMD}\n"
        f"drm-memory-vram:\t{vram} KiB\ndrm-engine-gfx:\t123 ns"
    )
