"""Tables in other forms: with delimiters, wrapped rows and headings of all kinds."""

# Lines of programs are as long as they are.
# ruff: noqa: E501

from __future__ import annotations

import pytest
from tool_output import GIB, KIB, MIB, check, check_table

TABLES: dict[str, tuple[str, dict[str, object]]] = {}

TABLES["CSV with semicolons and decimal commas"] = (
    """Zeit;Temperatur [°C];Leistung (W)
31.01.2026 12:00:00;21,5;1.234,5
""",
    {"Temperatur": (21.5, "°C"), "Leistung": (1234.5, "W"), "Zeit": None},
)
TABLES["CSV with quotes"] = (
    """"time","requests","load"
"2026-01-31 12:00:05","1,234","0.5"
""",
    {"load": 0.5, "time": None},
)
TABLES["CSV with a row of units"] = (
    """time,temp,power
s,°C,mW
0.5,21.5,250
""",
    {"temp": (21.5, "°C"), "power": (0.25, "W")},
)
TABLES["CSV with an empty last field"] = ("a,b\n1,2,\n", {"a": 1, "b": 2})
TABLES["CSV with values called cpu and gpu"] = (
    "time,cpu,gpu,mem\n2026-01-31T12:00:05Z,12,48,33\n",
    {"cpu": 12, "gpu": 48, "mem": 33, "time": None},
)
TABLES["CSV, a host per row"] = (
    "time,host,cpu\n2026-01-31T12:00:05Z,web1,12\n2026-01-31T12:00:05Z,web2,48\n",
    {"web1.cpu": 12, "web2.cpu": 48},
)
TABLES["hash heading"] = ("#temperature humidity\n21.5 48\n", {"temperature": 21.5, "humidity": 48})
TABLES["time column at the end"] = (
    "load temp time\n0.5 21 12:00:05\n",
    {"load": 0.5, "temp": 21, "time": None},
)
TABLES["epoch column"] = ("time cpu\n1706702400 12\n", {"cpu": 12, "time": None})


TABLES["iostat -xh"] = (
    """     r/s     rkB/s   rrqm/s  %rrqm r_await rareq-sz Device
    1.00     16.0k     0.00   0.0%    0.50    16.0k sda
  250.00      7.8M     0.00   0.0%    4.10    32.0k sdb
""",
    {
        "sda.rkB/s": (16 * KIB, "B"),
        "sdb.rkB/s": (7.8 * MIB, "B"),
        "sda.rareq-sz": (16 * KIB, "B"),
        "sdb.r/s": 250,
    },
)
TABLES["iostat, macOS"] = (
    """              disk0       cpu    load average
    KB/t  tps  MB/s  us sy id   1m   5m   15m
   20.12   12  0.24   5  3 92  1.50 1.40 1.30
""",
    {"tps": 12, "us": 5, "15m": 1.3},
)
TABLES["df with a wrapped row"] = (
    """Filesystem           1K-blocks      Used Available Use% Mounted on
/dev/mapper/very-long-name-of-a-volume
                      20511312   5234567  14211234  27% /
""",
    {"/dev/mapper/very-long-name-of-a-volume.Used": 5234567},
)
TABLES["df -h, Japanese"] = (
    """ファイルシス   サイズ  使用  残り 使用% マウント位置
/dev/sda1         20G  5.0G   15G   25% /
tmpfs            1.6G  2.1M  1.6G    1% /run
""",
    {"/dev/sda1.サイズ": (20 * GIB, "B"), "tmpfs.使用%": 1},
)
TABLES["xentop"] = (
    """      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS
  Domain-0 -----r      12345   12.5    4194304   25.0   no limit       n/a     8
      web  --b---        345    2.5    1048576    6.2    1048576       6.2     2
""",
    {
        "Domain-0.CPU(sec)": (12345, "s"),
        "Domain-0.CPU(%)": (12.5, "%"),
        "web.MEM(k)": (GIB, "B"),
        "web.MEM(%)": 6.2,
        "web.VCPUS": 2,
    },
)
TABLES["rocm-smi"] = (
    """GPU  Temp   AvgPwr  SCLK     MCLK     Fan   Perf  PwrCap  VRAM%  GPU%
0    35.0c  38.0W   808Mhz   350Mhz   0.0%  auto  300.0W    5%   12%
1    36.0c  39.0W   808Mhz   350Mhz   0.0%  auto  300.0W    6%   13%
""",
    {"gpu0.Temp": (35, "°C"), "gpu1.AvgPwr": (39, "W"), "gpu1.SCLK": (808e6, "Hz"), "gpu1.GPU%": 13},
)
TABLES["podman stats"] = (
    """ID            NAME        CPU %       MEM USAGE / LIMIT  MEM %       NET IO             BLOCK IO           PIDS        CPU TIME    AVG CPU %
3b33001239ee  web         0.12%       24.55MB / 16.7GB   0.15%       1.2kB / 3.4kB      0B / 0B            2           1.234s      0.12%
""",
    {
        "web.MEM USAGE": (24.55e6, "B"),
        "web.NET IO.out": (3400, "B"),
        "web.CPU TIME": (1.234, "s"),
        "web.PIDS": 2,
    },
)


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES.keys())
def test_table_values_are_named_by_row_and_column(text: str, expected: dict[str, object]) -> None:
    check_table(text, expected)


def test_rows_without_heading_are_named_by_leading_numbers() -> None:
    """A line of `nvidia-smi --format=csv,noheader` begins with the index of its GPU."""
    text = "0, NVIDIA H100, 45 %, 21007 MiB\n1, NVIDIA H100, 3 %, 1 MiB\n"
    expected = {"0.column3": (45, "%"), "1.column3": (3, "%"), "1.column4": (MIB, "B"), "column3": None}
    check(text, dict(expected))
