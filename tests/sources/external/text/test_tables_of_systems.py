"""Tables of vmstat, sysstat, free, df, ps and top, in several versions and languages."""

# Lines of programs are as long as they are.
# ruff: noqa: E501

from __future__ import annotations

import pytest
from tool_output import GIB, KIB, MIB, check_table

TABLES: dict[str, tuple[str, dict[str, object]]] = {}

TABLES["vmstat"] = (
    """procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 2  0      0 215670  12340 161841    0    0     5    12  101  202  7  3 89  1  0
""",
    {"r": 2, "free": 215670, "us": 7, "id": 89, "st": 0},
)
TABLES["vmstat -w, new version"] = (
    """--procs-- -----------------------memory---------------------- ---swap-- -----io---- -system-- ----------cpu----------
   r    b         swpd         free         buff        cache   si   so    bi    bo   in   cs  us  sy  id  wa  st  gu
   1    0            0      5126188       104432      1780236    0    0    10    21   87  144   1   0  99   0   0   0
""",
    {"free": 5126188, "id": 99, "gu": 0},
)
TABLES["vmstat -t"] = (
    """procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu----- -----timestamp-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st                 CET
 2  0      0 215670  12340 161841    0    0     5    12  101  202  7  3 89  1  0 2026-01-31 12:00:00
""",
    {"r": 2, "id": 89, "st": 0, "CET": None},
)
TABLES["vmstat -d"] = (
    """disk- ------------reads------------ ------------writes----------- -----IO------
       total merged sectors      ms  total merged sectors      ms    cur    sec
sda     1234     56   78901    2345   6789     12   34567    8901      0     12
sdb        5      0      40       3      0      0       0       0      0      0
""",
    {"sda.cur": 0, "sda.reads.total": 1234, "sda.writes.ms": 8901, "sda.sec": 12, "sdb.sec": 0},
)
IOSTAT_DE = """Linux 6.1.0-18-amd64 (host1) \t31.01.2026 \t_x86_64_\t(4 CPU)

avg-cpu:  %user   %nice %system %iowait  %steal   %idle
           5,25    0,00    1,50    0,75    0,00   92,50

Device            r/s     rkB/s   rrqm/s  %rrqm r_await rareq-sz     w/s     wkB/s   wrqm/s  %wrqm w_await wareq-sz  %util
sda              1,00     16,00     0,00   0,00    0,50    16,00   10,00    400,00     2,00  16,67    1,20    40,00   2,40
nvme0n1        250,00   8000,00     0,00   0,00    4,10    32,00    0,00      0,00     0,00   0,00    0,00     0,00  97,60

"""
TABLES["iostat -x, German"] = (
    IOSTAT_DE,
    {"sda.%util": (2.4, "%"), "nvme0n1.%util": (97.6, "%"), "avg-cpu.%user": 5.25, "nvme0n1.rkB/s": 8000},
)
TABLES["iostat -d -t"] = (
    """Linux 6.1.0-18-amd64 (host1) \t01/31/26 \t_x86_64_\t(4 CPU)

01/31/26 12:00:00
Device             tps    kB_read/s    kB_wrtn/s    kB_dscd/s    kB_read    kB_wrtn    kB_dscd
sda               3.20        12.50        45.10         0.00       1234       5678          0
dm-0              4.20         2.50         5.10         0.00        123        567          0

""",
    {"sda.tps": 3.2, "dm-0.tps": 4.2, "dm-0.kB_wrtn": 567},
)
TABLES["iostat -d -t, 12 hours"] = (
    """01/31/2026 12:00:00 PM
Device             tps    kB_read/s    kB_wrtn/s    kB_read    kB_wrtn
sda               3.20        12.50        45.10       1234       5678
sdb               4.20        12.50        45.10       1234       5678
""",
    {"sda.tps": 3.2, "sdb.tps": 4.2},
)
TABLES["iostat -h"] = (
    """      tps    kB_read/s    kB_wrtn/s    kB_dscd/s    kB_read    kB_wrtn    kB_dscd Device
     3.20        12.5k       245.1k         0.0k       1.2M       5.6G       0.0k sda
     0.20         0.5k         5.1k         0.0k     512.0k     567.0k       0.0k sdb
""",
    {
        "sda.tps": 3.2,
        "sda.kB_read/s": (12.5 * KIB, "B"),
        "sda.kB_wrtn": (5.6 * GIB, "B"),
        "sdb.kB_read": (512 * KIB, "B"),
    },
)
TABLES["mpstat -P ALL"] = (
    """Linux 6.1.0-18-amd64 (host1) \t01/31/26 \t_x86_64_\t(2 CPU)

12:03:25     CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle
12:03:26     all    9.23    0.01    3.18    0.31    0.00    0.23    0.24    0.00    0.00   86.81
12:03:26       0   10.23    0.01    3.18    0.31    0.00    0.23    0.24    0.00    0.00   85.81
12:03:26       1    8.23    0.01    3.18    0.31    0.00    0.23    0.24    0.00    0.00   87.81

""",
    {"all.%usr": 9.23, "cpu0.%usr": 10.23, "cpu1.%idle": 87.81},
)
TABLES["mpstat, 12 hours"] = (
    """12:03:25 PM  CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle
12:03:26 PM  all    9.23    0.01    3.18    0.31    0.00    0.23    0.24    0.00    0.00   86.81
12:03:26 PM    0   10.23    0.01    3.18    0.31    0.00    0.23    0.24    0.00    0.00   85.81
""",
    {"all.%usr": 9.23, "cpu0.%idle": 85.81},
)
TABLES["mpstat -P 0,1"] = (
    """12:03:25     CPU    %usr   %nice    %sys   %idle
12:03:26       0   10.23    0.01    3.18   85.81
12:03:26       1    8.23    0.01    3.18   87.81

""",
    {"cpu0.%usr": 10.23, "cpu1.%usr": 8.23, "%usr": None},
)
TABLES["mpstat, Japanese"] = (
    """12時03分25秒     CPU    %usr   %nice    %sys   %idle
12時03分26秒     all    9.23    0.01    3.18   86.81
12時03分26秒       0    9.03    0.01    3.18   86.81
""",
    {"all.%usr": 9.23, "cpu0.%usr": 9.03},
)
TABLES["mpstat, French, with the average"] = (
    """12:03:25     CPU    %usr   %nice    %sys   %idle
12:03:26     all    9,23    0,01    3,18   86,81

Moyenne :    CPU    %usr   %nice    %sys   %idle
Moyenne :    all    1,23    0,01    3,18   86,81
""",
    {"all.%usr": 9.23},
)
TABLES["mpstat with the average"] = (
    """12:03:25     CPU    %usr   %nice    %sys   %idle
12:03:26     all    9.23    0.01    3.18   86.81
Average:     CPU    %usr   %nice    %sys   %idle
Average:     all    1.23    0.01    3.18   86.81
""",
    {"all.%usr": 9.23},
)
TABLES["sar -u"] = (
    """12:00:01        CPU     %user     %nice   %system   %iowait    %steal     %idle
12:00:02        all      1.25      0.00      0.50      0.00      0.00     98.25
Average:        all      5.25      0.00      0.50      0.00      0.00     98.25
""",
    {"all.%user": 1.25, "all.%idle": 98.25},
)
TABLES["sar -n DEV"] = (
    """Linux 6.1.0-18-amd64 (host1) \t01/31/26 \t_x86_64_\t(4 CPU)

12:00:01        IFACE   rxpck/s   txpck/s    rxkB/s    txkB/s   rxcmp/s   txcmp/s  rxmcst/s   %ifutil
12:00:02           lo      0.00      0.00      0.00      0.00      0.00      0.00      0.00      0.00
12:00:02         eth0     12.00     10.00      1.50      2.50      0.00      0.00      0.00      0.01

""",
    {"lo.rxkB/s": 0, "eth0.rxkB/s": 1.5, "eth0.%ifutil": (0.01, "%")},
)
TABLES["pidstat"] = (
    """12:00:01      UID       PID    %usr %system  %guest   %wait    %CPU   CPU  Command
12:00:02        0      1234    5.00    1.00    0.00    0.00    6.00     1  python3
12:00:02     1000      5678    7.00    1.00    0.00    0.00    8.00     0  python3

""",
    {"python3.1234.%CPU": 6, "python3.5678.%CPU": 8, "python3.5678.%usr": 7},
)
FREE = """               total        used        free      shared  buff/cache   available
Mem:        16310028     4823412     3214344      412340     8272272    10742120
Swap:        2097148      102400     1994748
"""
TABLES["free"] = (
    FREE,
    {
        "Mem.total": 16310028,
        "Mem.available": 10742120,
        "Swap.used": 102400,
        "Swap.free": 1994748,
        "Swap.shared": None,
    },
)
TABLES["free -h"] = (
    """               total        used        free      shared  buff/cache   available
Mem:            15Gi       4,6Gi       3,1Gi       402Mi       7,9Gi        10Gi
Swap:          2,0Gi       100Mi       1,9Gi
""",
    {"Mem.total": (15 * GIB, "B"), "Mem.used": (4.6 * GIB, "B"), "Swap.used": (100 * MIB, "B")},
)
TABLES["free -h, old version"] = (
    """             total       used       free     shared    buffers     cached
Mem:           15G       4.6G       3.1G       402M       120M       7.9G
Swap:         2.0G         0B       2.0G
""",
    {"Mem.total": (15 * GIB, "B"), "Mem.cached": (7.9 * GIB, "B"), "Swap.used": 0},
)
TABLES["free -w -b"] = (
    """               total        used        free      shared     buffers       cache   available
Mem:     16701468672  4939173888  3291488256   422236160   137363456  8333443072 10999930880
Swap:     2147479552   104857600  2042621952
""",
    {"Mem.buffers": 137363456, "Swap.used": 104857600, "Swap.total": 2147479552},
)
TABLES["free, German"] = (
    """               gesamt       benutzt     frei      gemns.  Puffer/Cache verfügbar
Speicher:    16310028     4823412     3214344      412340     8272272    10742120
Swap:         2097148      102400     1994748
""",
    {"Speicher.gesamt": 16310028, "Speicher.verfügbar": 10742120},
)
TABLES["df -h"] = (
    """Filesystem      Size  Used Avail Use% Mounted on
udev            7.8G     0  7.8G   0% /dev
tmpfs           1.6G  2.1M  1.6G   1% /run
/dev/nvme0n1p2  468G  215G  230G  49% /
tmpfs           7.8G   12M  7.8G   1% /dev/shm
""",
    {
        "/dev/nvme0n1p2./.Use%": (49, "%"),
        "/dev/nvme0n1p2./.Used": (215 * GIB, "B"),
        "tmpfs./run.Size": (1.6 * GIB, "B"),
        "tmpfs./dev/shm.Used": (12 * MIB, "B"),
        "udev./dev.Used": (0, "B"),
    },
)
TABLES["df -h, without repeated names"] = (
    """Filesystem      Size  Used Avail Use% Mounted on
/dev/sda1        20G  5.0G   15G  25% /
/dev/sdb1       1.0T  100G  900G  10% /data
""",
    {"/dev/sda1.Use%": 25, "/dev/sdb1.Size": (1024 * GIB, "B")},
)
TABLES["df -h, German"] = (
    """Dateisystem    Größe Benutzt Verf. Verw% Eingehängt auf
tmpfs           1,6G    2,1M  1,6G    1% /run
/dev/nvme0n1p2  468G    215G  230G   49% /
tmpfs           7,8G     12M  7,8G    1% /dev/shm
""",
    {
        "/dev/nvme0n1p2./.Verw%": 49,
        "tmpfs./run.Größe": (1.6 * GIB, "B"),
        "tmpfs./run.Benutzt": (2.1 * MIB, "B"),
    },
)
TABLES["df -h, French"] = (
    """Sys. de fichiers Taille Utilisé Dispo Uti% Monté sur
udev               7,8G       0  7,8G   0% /dev
/dev/nvme0n1p2     468G    215G  230G  49% /
""",
    {"/dev/nvme0n1p2.Uti%": 49, "/dev/nvme0n1p2.Taille": (468 * GIB, "B"), "udev.Dispo": (7.8 * GIB, "B")},
)
TABLES["df -hT"] = (
    """Filesystem     Type      Size  Used Avail Use% Mounted on
tmpfs          tmpfs     1.6G  2.1M  1.6G   1% /run
/dev/sda1      ext4       20G  5.0G   15G  25% /
tmpfs          tmpfs     7.8G     0  7.8G   0% /dev/shm
""",
    {"/dev/sda1./.Use%": 25, "tmpfs./run.Use%": 1},
)
TABLES["df"] = (
    """Filesystem     1K-blocks      Used Available Use% Mounted on
/dev/sda1       20511312   5234567  14211234  27% /
/dev/sdb1       10255636    234567   9511234   3% /srv/my data
""",
    {"/dev/sda1.Used": 5234567, "/dev/sdb1.Use%": 3},
)
TABLES["df -i"] = (
    """Filesystem      Inodes  IUsed   IFree IUse% Mounted on
/dev/sda1      1310720 234567 1076153   18% /
tmpfs          2000000      5 1999995    1% /run
""",
    {"/dev/sda1.IUse%": 18, "tmpfs.IUsed": 5},
)
TABLES["ps aux"] = (
    """USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND
root           1  0.0  0.1 168140 11280 ?        Ss   Jan30   0:05 /sbin/init splash
www-data     812  2.5  1.1 268140 91280 ?        S    12:00   1:23 nginx: worker process
user        4321 99.9 12.1 968140 912800 pts/0   R+   11:58  12:23 python3 -m train --lr=0.1
""",
    {"init.1.%CPU": 0, "nginx.812.%CPU": 2.5, "python3.4321.%CPU": (99.9, "%"), "python3.4321.%MEM": 12.1},
)
TABLES["ps -eo"] = (
    """%CPU COMMAND
 5.5 python
12.0 nginx
""",
    {"python.%CPU": 5.5, "nginx.%CPU": 12},
)
TOP = """top - 12:00:05 up 3 days,  4:05,  2 users,  load average: 0.15, 0.10, 0.05
Tasks: 123 total,   1 running, 122 sleeping,   0 stopped,   0 zombie
%Cpu(s):  1.2 us,  0.3 sy,  0.0 ni, 98.5 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st
MiB Mem :   7859.5 total,    234.5 free,   1234.5 used,   6390.5 buff/cache
MiB Swap:   2048.0 total,   2047.0 free,      1.0 used.   6280.7 avail Mem

    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
      1 root      20   0  168140  11280   8200 S   0.0   0.1   0:05.12 systemd
   4321 user      20   0   11.2g   1.3g  82.0m R  99.7  12.1 123:45.67 python3
    912 root      rt   0       0      0      0 S   0.3   0.0   0:00.12 kworker/0:1-eve+

"""
TABLES["top -b"] = (
    TOP,
    {
        "load average.1": 0.15,
        "load average.3": 0.05,
        "Tasks.running": 1,
        "%Cpu(s).us": (1.2, "%"),
        "%Cpu(s).id": 98.5,
        "Mem.total": (7859.5 * MIB, "B"),
        "Mem.buff/cache": (6390.5 * MIB, "B"),
        "Swap.used": (1 * MIB, "B"),
        "Swap.avail Mem": (6280.7 * MIB, "B"),
        "systemd.1.RES": (11280 * KIB, "B"),
        "python3.4321.VIRT": (11.2 * GIB, "B"),
        "python3.4321.SHR": (82 * MIB, "B"),
        "python3.4321.%CPU": (99.7, "%"),
    },
)
TABLES["top -b, German"] = (
    """top - 12:00:05 up 3 days,  4:05,  2 users,  load average: 0,15, 0,10, 0,05
Tasks: 123 total,   1 running, 122 sleeping,   0 stopped,   0 zombie
%CPU(s):  1,2 us,  0,3 sy,  0,0 ni, 98,5 id,  0,0 wa,  0,0 hi,  0,0 si,  0,0 st
MiB Spch:   7859,5 gesamt,    234,5 frei,   1234,5 belegt,   6390,5 Puff/Cache
MiB Swap:   2048,0 gesamt,   2048,0 frei,      0,0 belegt.   6280,7 verfü Spch

    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     ZEIT+ BEFEHL
      1 root      20   0  168140  11280   8200 S   0,0   0,1   0:05.12 systemd
   4321 user      20   0   11,2g   1,3g  82,0m R  99,7  12,1   3:45.67 python3
""",
    {
        "load average.1": 0.15,
        "%CPU(s).id": 98.5,
        "Spch.frei": (234.5 * MIB, "B"),
        "4321.%CPU": 99.7,
        "4321.RES": (1.3 * GIB, "B"),
    },
)


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES.keys())
def test_system_table_values_are_named_by_row_and_column(text: str, expected: dict[str, object]) -> None:
    check_table(text, expected)
