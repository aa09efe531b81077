"""Totals count each byte once, by what the kernel reports about the devices."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import pytest
from device_tree import parse_devices, write_disks, write_links
from fake_machine import FakeMachine
from readings import by_key

from dashapp.sources.system.disk import DiskSource, ProcDisks
from dashapp.sources.system.network import NetworkSource, ProcNetwork
from dashapp.sources.system.topology import (
    CHECK_INTERVAL_S,
    CachedSelection,
    base_disks,
    base_links,
    disks_by_name,
    links_by_name,
)

# The devices of a machine, as device_tree describes them, one a line. A star marks those that totals count.
LINKS = {
    "proxmox": """
        eno1* card in=vmbr0
        vmbr0 bridge
        tap100i0 tap in=fwbr100i0
        fwbr100i0 bridge
        fwln100i0 iflink=6 in=fwbr100i0
        fwpr100p0 iflink=5 in=vmbr0
        veth101i0 cable in=vmbr0
    """,
    "named VLANs": """
        eno1* card
        lan iflink=1 over=eno1
        mgmt iflink=1 over=eno1
        br-mgmt bridge over=mgmt
    """,
    "PPPoE": """
        eno1* card
        ppp0 ppp
    """,
    "PPPoE over a VLAN": """
        eno1* card
        wan iflink=1 over=eno1
        ppp0 ppp
    """,
    "PPP alone": """
        lo loopback
        ppp0* ppp
    """,
    "PPP with containers and a VPN": """
        ppp0* ppp
        docker0 bridge
        veth1 cable in=docker0
        tun0 tunnel tun_flags=0x1001
        dummy0
    """,
    "USB modem": """
        wwan0* at=usb tunnel
        qmimux0 tunnel over=wwan0
    """,
    "USB tethering": """
        usb0* at=usb
        enx0a1b2c* at=usb
    """,
    "wireless": """
        wlp3s0* card
        wlan0mon card type=803
        p2p0
        vpn tunnel
    """,
    "WireGuard and others": """
        eth0* card
        wg0 tunnel
        nordlynx tunnel
        zt5u4y6ejr tap
        tun0 tunnel tun_flags=0x1001
        gre1 type=778 iflink=0
        vx over=eth0
    """,
    "macvlan and ipvlan": """
        eno1* card
        inner iflink=1 over=eno1
        outer iflink=1 over=eno1
        vtap iflink=1 over=eno1 tap5
    """,
    "OVS": """
        eno1* card
        ovs-system over=eno1
        public
        int
        vnet3 tap over=eno1
    """,
    "bond": """
        eno1* card
        eno2* card
        uplink bonding over=eno1,eno2
        dmz over=uplink
    """,
    "team": """
        eno1* card
        eno2* card
        both over=eno1,eno2
    """,
    "batman": """
        wlan0* card
        mesh over=wlan0
    """,
    "VirtIO": """
        ens3* at=virtio
        docker0 bridge
    """,
    "Hyper-V with a virtual function": """
        eth0* at=vmbus over=enP1s1
        enP1s1 card
    """,
    "VirtIO with a standby": """
        ens3* at=virtio over=ens3nsby,ens4
        ens3nsby at=virtio
        ens4 card
    """,
    "virtual functions of a host": """
        ens1f0* card phys_port_name=p0
        ens1f0v0* card
        ens1f0v1* card
        rep0 card phys_port_name=pf0vf0
    """,
    "switch of a router": """
        eth0 card
        lan1* card over=eth0
        lan2* card over=eth0
        br-lan bridge over=lan1,lan2
    """,
    "Xen guest": """
        eth0* at=xen
    """,
    "Xen host": """
        eth0* card in=xenbr0
        xenbr0 bridge
        vif1.0 at=xen-backend in=xenbr0
    """,
    "container": """
        lo loopback
        eth0* cable
        sit0 type=776 iflink=0
    """,
    "container with two networks": """
        eth0* cable
        net1* cable
    """,
    "containers in a container": """
        eth0* cable
        docker0 bridge
        veth2 cable in=docker0
        cali3 cable
        tun0 tunnel
    """,
    "bridge in a container": """
        eth0* cable in=lan
        lan bridge
        vethX cable in=lan
    """,
    "bond in a container": """
        eth0* cable
        eth1* cable
        uplink over=eth0,eth1
    """,
    "container without root": """
        lo loopback
        tap0* tap
        tunl0 type=768 iflink=0
    """,
    "only a tunnel": """
        lo loopback
        wg0* tunnel
    """,
    "OpenVZ": """
        lo loopback
        venet0* type=65535
    """,
    "no network": """
        lo loopback
    """,
}
DISKS = {
    "partitions": """
        sda* scsi
        sda1 part
        sda2 part
    """,
    "bcache": """
        sda* scsi
        nvme0n1* nvme
        bcache0 dev=252:0 over=sda,nvme0n1
    """,
    "RAID, encryption and volumes": """
        sda* scsi
        sda1 part
        sdb* scsi
        sdb1 part
        md127 dev=9:127 over=sda1,sdb1
        md127p1 part dev=259:7
        dm-0 dev=253:0 over=md127
    """,
    "two paths to one disk": """
        sda* scsi
        sdb* scsi
        dm-0 dev=253:0 over=sda,sdb
    """,
    "memory and files": """
        vda* at=virtio dev=254:0
        loop0 dev=7:0
        ram0 dev=1:0
        zram0 dev=251:0 comp_algorithm=[lzo]
    """,
    "only memory": """
        zram0 dev=251:0 comp_algorithm=[lzo]
        loop0 dev=7:0
        zd0 dev=230:0
    """,
    "ZFS volumes": """
        sda* scsi
        zd0 dev=230:0
        zd16 dev=230:16
        zd16p1 part
    """,
    "nbd": """
        sda* scsi
        nbd0 dev=43:0
    """,
    "started from nbd": """
        nbd0* dev=43:0
        loop0 dev=7:0
        ram0 dev=1:0
    """,
    "Ceph": """
        sda* scsi
        rbd0* at=rbd dev=250:0
        rbd0p1 part
    """,
    "NVMe with several paths": """
        nvme0n1* nvme
        nvme0c0n1 nvme hidden=1
        nvme0c1n1 nvme hidden=1
        nvme0n1p1 part
    """,
    "NVMe paths before Linux 6.2": """
        nvme0c0n1* nvme hidden=1
    """,
    "Xen": """
        xvda* at=xen dev=202:0
        xvda1 part
    """,
    "Xen without a whole disk": """
        xvda1* at=xen dev=202:1
        xvda2* at=xen dev=202:2
    """,
    "card": """
        mmcblk0* at=mmc dev=179:0
        mmcblk0p1 part
        mmcblk0boot0 of=mmcblk0 dev=179:8
    """,
    "persistent memory": """
        pmem0* at=nd dev=259:1
    """,
    "optical and floppy": """
        sda* scsi
        sr0 scsi dev=11:0
        fd0 at=platform dev=2:0
    """,
    "name with a slash": """
        cciss!c0d0* card dev=104:0
        cciss!c0d0p1 part
    """,
}


@pytest.mark.parametrize("machine", LINKS)
def test_base_links_count_each_byte_once(tmp_path: Path, machine: str) -> None:
    descriptions, expected = parse_devices(LINKS[machine])
    write_links(tmp_path, descriptions)
    assert base_links(list(descriptions), str(tmp_path)) == expected


@pytest.mark.parametrize("machine", DISKS)
def test_base_disks_count_each_byte_once(tmp_path: Path, machine: str) -> None:
    descriptions, expected = parse_devices(DISKS[machine])
    write_disks(tmp_path, descriptions)
    names = [name.replace("!", "/") for name in descriptions]
    assert base_disks(names, str(tmp_path)) == {name.replace("!", "/") for name in expected}


def test_names_decide_without_sys(tmp_path: Path) -> None:
    links = ["lo", "eth0", "docker0", "veth1", "vmbr0", "zt5u4y6ejr", "eth0.5"]
    assert base_links(links, str(tmp_path)) == links_by_name(links) == {"eth0"}
    assert base_links(["lo", "tap0"], str(tmp_path)) == {"tap0"}
    disks = ["sda", "sda1", "dm-0", "zd0", "bcache0"]
    assert base_disks(disks, str(tmp_path)) == disks_by_name(disks) == {"sda"}


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ("lo0 em0 ppp0", "em0"),
        ("lo0 em0 ng0 pppoe0", "em0"),
        ("lo0 ppp0", "ppp0"),
        ("lo0 igb0 igb1 lagg0 vether0 enc0 pflog0", "igb0 igb1"),
        ("lo0 bge0 bge1 trunk0 aggr0 carp0", "bge0 bge1"),
        ("lo0 en0 bridge0 feth0 ipsec0 utun3 awdl0", "en0"),
        ("Ethernet,vEthernet (Default Switch),Loopback Pseudo-Interface 1", "Ethernet"),
    ],
)
def test_links_by_name_count_each_byte_once(links: str, expected: str) -> None:
    separator = "," if "," in links else " "
    assert links_by_name(links.split(separator)) == set(expected.split())


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def network_source(machine: FakeMachine) -> NetworkSource:
    return NetworkSource(ProcNetwork(machine.proc), machine.now, lambda names: base_links(names, machine.sys))


@pytest.mark.parametrize("kind", ["proxmox", "container without root", "bond in a container"])
def test_network_totals_count_base_links_and_hide_ephemeral_ones(machine: FakeMachine, kind: str) -> None:
    descriptions, expected = parse_devices(LINKS[kind])
    write_links(Path(machine.sys), descriptions)
    machine.links = dict.fromkeys(descriptions, 10_000)
    machine.write()
    source = network_source(machine)
    machine.pass_time()
    found = by_key(source.read())
    assert found["network.received"] == 1000 * len(expected)
    assert found["network.sent"] == 2000 * len(expected)
    assert not [key for key in found if key.split(".")[1].startswith(("veth", "tap", "fw"))]


def test_disk_totals_and_lines_are_of_base_disks(machine: FakeMachine) -> None:
    descriptions, _ = parse_devices(DISKS["bcache"])
    write_disks(Path(machine.sys), descriptions)
    machine.disks = dict.fromkeys(descriptions, 512_000)
    machine.write()
    source = DiskSource(ProcDisks(machine.proc), machine.now, lambda names: base_disks(names, machine.sys))
    machine.disks = dict.fromkeys(descriptions, 1_024_000)
    machine.time += 1.0
    machine.write()
    found = by_key(source.read())
    assert found["disk.read"] == 2 * 512_000
    assert {key.split(".")[1] for key in found if key.count(".") == 2} == {"sda", "nvme0n1"}


def test_network_selects_again_when_interface_is_created_again(machine: FakeMachine) -> None:
    """The names stay the same; only the counters show that it is another interface."""
    write_links(Path(machine.sys), {"eth0": "card", "inner": "over=eth0"})
    machine.links = {"eth0": 10_000, "inner": 10_000}
    machine.write()
    source = network_source(machine)
    machine.pass_time()
    assert by_key(source.read())["network.received"] == 1000
    shutil.rmtree(machine.sys)
    write_links(Path(machine.sys), {"eth0": "card", "inner": "card"})
    machine.links["inner"] = 5
    machine.pass_time()
    source.read()
    machine.pass_time()
    assert by_key(source.read())["network.received"] == 2000


def test_selection_runs_when_names_change_and_seldom_otherwise() -> None:
    calls = []

    def select(names: Collection[str]) -> Collection[str]:
        calls.append(set(names))
        return names

    selection = CachedSelection(select)
    for second in range(int(CHECK_INTERVAL_S)):
        selection({"a": 1}, float(second))
    assert calls == [{"a"}]
    assert set(selection({"a": 1, "b": 1}, CHECK_INTERVAL_S - 0.5)) == {"a", "b"}
    selection({"a": 1, "b": 1}, 2 * CHECK_INTERVAL_S)
    assert calls == [{"a"}, {"a", "b"}, {"a", "b"}]
