"""Tables about containers, GPUs, storage, networks and servers."""

# Lines of programs are as long as they are.
# ruff: noqa: E501

from __future__ import annotations

import pytest
from tool_output import GIB, KIB, MIB, check_table

TABLES: dict[str, tuple[str, dict[str, object]]] = {}

TABLES["docker stats"] = (
    """\x1b[2J\x1b[HCONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT     MEM %     NET I/O         BLOCK I/O         PIDS
16eb87c04502   web       0.12%     24.55MiB / 1.952GiB   1.23%     607kB / 749kB   0B / 9.65MB       19
160487404502   db        120.5%    1.2GiB / 1.952GiB     61.2%     1.2GB / 3MB     12.3MB / 0B       42
""",
    {
        "web.CPU %": (0.12, "%"),
        "db.CPU %": 120.5,
        "web.MEM USAGE": (24.55 * MIB, "B"),
        "web.LIMIT": (1.952 * GIB, "B"),
        "db.NET I/O.in": (1.2e9, "B"),
        "db.NET I/O.out": (3e6, "B"),
        "web.BLOCK I/O.out": (9.65e6, "B"),
        "db.PIDS": 42,
        "db.CONTAINER ID": None,
    },
)
TABLES["docker stats, a stopped container"] = (
    """CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT     MEM %     NET I/O         BLOCK I/O         PIDS
16eb87c04502   web       --        -- / --               --        --              --                --
160487404502   db        120.5%    1.2GiB / 1.952GiB     61.2%     1.2GB / 3MB     12.3MB / 0B       42
""",
    {"db.CPU %": 120.5, "web.CPU %": None},
)
TABLES["docker stats --format table"] = (
    """NAME      CPU %     NET I/O
web       0.12%     607kB / 749kB
db        1.50%     1.2GB / 3MB
""",
    {"web.CPU %": 0.12, "web.NET I/O.in": (607e3, "B"), "db.NET I/O.out": (3e6, "B")},
)
TABLES["kubectl top pods"] = (
    """NAME                       CPU(cores)   MEMORY(bytes)
api-7d4b9c6f5d-x2x4z       250m         512Mi
db-0                       1            2Gi
""",
    {
        "api-7d4b9c6f5d-x2x4z.CPU": (0.25, ""),
        "api-7d4b9c6f5d-x2x4z.MEMORY": (512 * MIB, "B"),
        "db-0.CPU": 1,
        "db-0.MEMORY": (2 * GIB, "B"),
    },
)
TABLES["kubectl top pods -A"] = (
    """NAMESPACE     NAME                       CPU(cores)   MEMORY(bytes)
kube-system   coredns-5d78c9869d-abcde   3m           12Mi
default       db-0                       1500m        2048Mi
""",
    {"coredns-5d78c9869d-abcde.CPU": 0.003, "db-0.MEMORY": (2 * GIB, "B")},
)
TABLES["kubectl top nodes"] = (
    """NAME     CPU(cores)   CPU%        MEMORY(bytes)   MEMORY%
node-1   250m         12%         3456Mi          45%
node-2   <unknown>    <unknown>   <unknown>       <unknown>
""",
    {"node-1.CPU": 0.25, "node-1.CPU%": (12, "%"), "node-1.MEMORY%": 45, "node-2.CPU": None},
)
TABLES["nvidia-smi --query-gpu"] = (
    """timestamp, index, name, utilization.gpu [%], memory.used [MiB], temperature.gpu, power.draw [W], clocks.current.sm [MHz], fan.speed [%], pstate
2026/11/27 16:49:25.142, 0, NVIDIA H100 80GB HBM3, 100 %, 21007 MiB, 43, 268.84 W, 1980 MHz, [N/A], P0
2026/11/27 16:49:25.143, 1, NVIDIA H100 80GB HBM3, 3 %, 1 MiB, 35, 72.30 W, 345 MHz, [N/A], P0
""",
    {
        "gpu0.utilization.gpu": (100, "%"),
        "gpu0.memory.used": (21007 * MIB, "B"),
        "gpu0.temperature.gpu": 43,
        "gpu0.power.draw": (268.84, "W"),
        "gpu0.clocks.current.sm": (1.98e9, "Hz"),
        "gpu1.utilization.gpu": 3,
        "gpu0.fan.speed": None,
    },
)
TABLES["nvidia-smi --query-gpu, nounits"] = (
    """index, utilization.gpu [%], memory.used [MiB], power.draw [W]
0, 100, 21007, 268.84
1, 3, 1, [N/A]
""",
    {"gpu0.memory.used": (21007 * MIB, "B"), "gpu1.utilization.gpu": (3, "%"), "gpu1.power.draw": None},
)
TABLES["nvidia-smi --query-gpu, one GPU without an index"] = (
    """name, utilization.gpu [%], pstate
NVIDIA H100 80GB HBM3, 100 %, P0
""",
    {"NVIDIA H100 80GB HBM3.utilization.gpu": 100},
)
TABLES["nvidia-smi dmon -o T"] = (
    """#Time        gpu    pwr  gtemp  mtemp     sm    mem     fb
#HH:MM:SS    Idx      W      C      C      %      %     MB
 12:00:01      0    111     83      -     25      7  21007
 12:00:01      1     28     41      -      3      1      0
""",
    {"gpu0.sm": (25, "%"), "gpu1.gtemp": (41, "°C"), "gpu0.fb": (21007 * MIB, "B"), "gpu0.mtemp": None},
)
TABLES["nvidia-smi pmon"] = (
    """# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command
# Idx           #    C/G      %      %      %      %      %      %    name
    0        463     C     14      2      -      -      -      -    burn
    0        512     G      3      0      -      -      -      -    Xorg
    1          -     -      -      -      -      -      -      -    -
""",
    {"burn.gpu0.463.sm": (14, "%"), "burn.gpu0.463.mem": 2, "Xorg.gpu0.512.sm": 3},
)
TABLES["ifstat"] = (
    """       eth0                lo
 KB/s in  KB/s out   KB/s in  KB/s out
   12.12     10.10      1.01      2.02
""",
    {"eth0.KB/s in": 12.12, "eth0.KB/s out": 10.1, "lo.KB/s in": 1.01, "lo.KB/s out": 2.02},
)
TABLES["dstat --nocolor"] = (
    """----total-usage---- -dsk/total- -net/total- ---paging-- ---system--
usr sys idl wai stl| read  writ| recv  send|  in   out | int   csw
  1   0  98   0   0|  12k 4096B|   0     0 |   0     0 | 200   400
  2   0  97   0   0|1024k   12M| 512B 1234B|   0     0 | 201   401
""",
    {"usr": 2, "idl": 97, "read": (1024 * KIB, "B"), "writ": (12 * MIB, "B"), "recv": (512, "B"), "csw": 401},
)
TABLES["turbostat"] = (
    """Core\tCPU\tAvg_MHz\tBusy%\tBzy_MHz\tTSC_MHz\tIRQ\tPkgTmp\tPkgWatt
-\t-\t45\t1.50\t3000\t2400\t1234\t45\t12.34
0\t0\t40\t1.30\t3100\t2400\t234\t45\t12.34
1\t1\t50\t1.70\t2900\t2400\t1000
""",
    {"Busy%": (1.5, "%"), "PkgWatt": 12.34, "core0.cpu0.Busy%": 1.3},
)
TABLES["powerstat"] = (
    """  Time    User  Nice   Sys  Idle    IO  Run Ctxt/s  IRQ/s Fork Exec Exit  Watts
12:00:05   1.0   0.0   0.5  98.5   0.0    1    234    123    0    0    0   5.43
""",
    {"User": 1, "Watts": 5.43, "Idle": 98.5},
)
TABLES["collectl"] = (
    """#<--------CPU--------><----------Disks-----------><----------Network---------->
#cpu sys inter  ctxsw KBRead  Reads KBWrit Writes   KBIn  PktIn  KBOut  PktOut
   3   1   150    250      0      0     12      1      0      3      0       2
""",
    {"cpu": 3, "KBWrit": 12, "PktOut": 2},
)
TABLES["zpool iostat -v"] = (
    """              capacity     operations     bandwidth
pool        alloc   free   read  write   read  write
----------  -----  -----  -----  -----  -----  -----
tank        1.20G   898G      1      2  12.3K  45.6K
  sda       1.20G   898G      3      4   512   45.6K
----------  -----  -----  -----  -----  -----  -----
""",
    {
        "tank.alloc": (1.2 * GIB, "B"),
        "tank.operations.read": 1,
        "tank.bandwidth.read": (12.3 * KIB, "B"),
        "sda.operations.write": 4,
    },
)
TABLES["iotop -b"] = (
    """Total DISK READ:         0.00 B/s | Total DISK WRITE:         3.94 K/s
Current DISK READ:       0.00 B/s | Current DISK WRITE:      12.00 B/s
    TID  PRIO  USER     DISK READ  DISK WRITE  SWAPIN      IO    COMMAND
   1234 be/4 root        1.00 B/s    3.94 K/s  0.00 %  0.12 % python3 train.py
    812 be/4 user        0.00 B/s    0.00 B/s  0.00 %  0.00 % [kworker/0:1]
""",
    {
        "Total DISK WRITE": (3.94 * KIB, "B/s"),
        "Current DISK WRITE": (12, "B/s"),
        "python3.1234.DISK WRITE": (3.94 * KIB, "B/s"),
        "python3.1234.IO": (0.12, "%"),
    },
)
TABLES["ss -s"] = (
    """Total: 180
TCP:   12 (estab 5, closed 2, orphaned 0, timewait 1)

Transport Total     IP        IPv6
RAW\t  1         0         1
UDP\t  8         5         3
TCP\t  10        7         3
""",
    {"Total": 180, "TCP": 12, "UDP.Total": 8, "TCP.IPv6": 3},
)
TABLES["rabbitmqctl list_queues"] = (
    """Timeout: 60.0 seconds ...
Listing queues for vhost / ...
name\tmessages\tconsumers
orders\t12\t1
mails\t0\t2
""",
    {"orders.messages": 12, "mails.consumers": 2},
)
TABLES["redis-cli --stat"] = (
    """------- data ------ --------------------- load -------------------- - child -
keys       mem      clients blocked requests            connections
506        1015.00K 1       0       24 (+0)             7
506        1.05M    1       0       25 (+1)             7
""",
    {"keys": 506, "mem": (1.05 * MIB, "B"), "clients": 1, "connections": 7},
)
TABLES["/proc/net/dev"] = (
    """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  123456    1234    0    0    0     0          0         0   123456    1234    0    0    0     0       0          0
  eth0: 9876543    9876    1    0    0     0          0         5  1876543    1876    0    0    0     0       0          0
""",
    {"eth0.Receive.bytes": 9876543, "eth0.Transmit.bytes": 1876543, "lo.Receive.packets": 1234},
)
TABLES["netstat -i"] = (
    """Kernel Interface table
Iface      MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg
eth0      1500   123456      0      0 0        654321      0      0      0 BMRU
lo       65536     1234      0      0 0          1234      0      0      0 LRU
""",
    {"eth0.RX-OK": 123456, "lo.TX-OK": 1234},
)


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES.keys())
def test_service_table_values_are_named_by_row_and_column(text: str, expected: dict[str, object]) -> None:
    check_table(text, expected)
