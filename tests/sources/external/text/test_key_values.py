"""Lines that name their own numbers: pairs, colons, topics, sections and server formats."""

# ruff: noqa: E501

from __future__ import annotations

import pytest
from tool_output import GIB, KIB, MIB, check

LINES: dict[str, tuple[str, dict[str, object]]] = {}

LINES["colon"] = ("cpu: 12.5\nmem: 48\ntemp: 61.0 C\n", {"cpu": 12.5, "mem": 48, "temp": (61, "°C")})
LINES["colon, decimal commas"] = ("cpu: 12,5 %\nmem:48\n", {"cpu": (12.5, "%"), "mem": 48})
LINES["colon, full width"] = ("温度\uff1a21.5\n", {"温度": 21.5})
LINES["vcgencmd"] = (
    "temp=48.3'C\nfrequency(48)=1500398464\nvolt=0.8500V\nthrottled=0x50000\n",
    {"temp": (48.3, "°C"), "frequency(48)": 1500398464, "volt": (0.85, "V"), "throttled": None},
)
LINES["sensors"] = (
    """coretemp-isa-0000
Adapter: ISA adapter
Package id 0:  +45.0°C  (high = +80.0°C, crit = +100.0°C)
Core 0:        +43.0°C  (high = +80.0°C, crit = +100.0°C)

nvme-pci-0100
Adapter: PCI adapter
Composite:    +38.9°C  (low  = -273.1°C, high = +81.8°C)
                       (crit = +84.8°C)

nct6775-isa-0290
Adapter: ISA adapter
Vcore:          1.10 V  (min =  +0.00 V, max =  +1.74 V)
fan1:         1200 RPM  (min =    0 RPM)
temp1:         +33.0°C
intrusion0:  ALARM
power1:       32.08 W  (avg =  32.07 W, interval = 0.01 s)

thinkpad-isa-0000
Adapter: ISA adapter
fan1:         2200 RPM
temp1:        N/A

""",
    {
        "coretemp-isa-0000.Package id 0": (45, "°C"),
        "coretemp-isa-0000.Core 0": 43,
        "nvme-pci-0100.Composite": 38.9,
        "nct6775-isa-0290.Vcore": (1.1, "V"),
        "nct6775-isa-0290.fan1": (1200, "RPM"),
        "thinkpad-isa-0000.fan1": 2200,
        "nct6775-isa-0290.power1": (32.08, "W"),
        "thinkpad-isa-0000.temp1": None,
    },
)
LINES["sensors -u"] = (
    """coretemp-isa-0000
Adapter: ISA adapter
Package id 0:
  temp1_input: 45.000
  temp1_max: 80.000
Core 0:
  temp2_input: 43.000

""",
    {
        "coretemp-isa-0000.Package id 0.temp1_input": 45,
        "coretemp-isa-0000.Package id 0.temp1_max": 80,
        "coretemp-isa-0000.Core 0.temp2_input": 43,
    },
)
LINES["nvidia-smi -q"] = (
    """==============NVSMI LOG==============

Timestamp                                 : Fri Nov 27 16:49:24 2026
Driver Version                            : 580.159.04
CUDA Version                              : 13.0

Attached GPUs                             : 1
GPU 00000000:00:06.0
    FB Memory Usage
        Total                             : 81559 MiB
        Used                              : 21007 MiB
    Utilization
        GPU                               : 97 %
        Memory                            : N/A
    Temperature
        GPU Current Temp                  : 43 C
""",
    {
        "GPU 00000000:00:06.0.FB Memory Usage.Used": (21007 * MIB, "B"),
        "GPU 00000000:00:06.0.Utilization.GPU": (97, "%"),
        "GPU 00000000:00:06.0.Temperature.GPU Current Temp": (43, "°C"),
    },
)
LINES["redis-cli info"] = (
    """# Server
redis_version:7.0.15
redis_git_sha1:00000000
os:Linux 6.1.0-18-amd64 x86_64
tcp_port:6379
uptime_in_seconds:12345

# Memory
used_memory:1048576
used_memory_human:1.00M
mem_fragmentation_ratio:1.25

# Stats
total_commands_processed:1234

# Keyspace
db0:keys=5,expires=1,avg_ttl=0
db1:keys=7,expires=0,avg_ttl=0
""",
    {
        "uptime_in_seconds": 12345,
        "used_memory": 1048576,
        "used_memory_human": (MIB, "B"),
        "mem_fragmentation_ratio": 1.25,
        "db0.keys": 5,
        "db1.keys": 7,
        "redis_version": None,
        "tcp_port": None,
    },
)
LINES["mosquitto_sub -v"] = (
    """home/kitchen/temperature 21.5
home/door OPEN
home/kitchen/humidity 48 %
zigbee2mqtt/cellar {"temperature":12.5,"battery":97,"linkquality":"110"}
home/lamp ON
home/power 131.17 W
""",
    {
        "home/kitchen/temperature": 21.5,
        "home/kitchen/humidity": (48, "%"),
        "zigbee2mqtt/cellar.temperature": 12.5,
        "zigbee2mqtt/cellar.linkquality": 110,
        "home/power": (131.17, "W"),
    },
)
LINES["mosquitto_sub -v, states first"] = (
    "home/door OPEN\nhome/kitchen/temperature 21.5\n",
    {"home/kitchen/temperature": 21.5},
)
LINES["graphite"] = (
    "servers.web1.cpu 12.5 1706702400\nservers.web1.mem 48 1706702400\n",
    {"servers.web1.cpu": 12.5, "servers.web1.mem": 48},
)
LINES["influx"] = (
    """cpu,host=web1,cpu=cpu0 usage_user=12.5,usage_idle=80i 1465839830100400200
cpu,host=web1,cpu=cpu1 usage_user=13.5,usage_idle=79i 1465839830100400200
weather temperature=82,note="a=5 b" 1465839830100400200
""",
    {
        "cpu.web1.cpu0.usage_user": 12.5,
        "cpu.web1.cpu1.usage_idle": 79,
        "weather.temperature": 82,
    },
)
LINES["statsd"] = (
    "api.queue:12|g\napi.latency:320|ms|@0.1\napi.size:12.5|h|#env:prod\n",
    {"api.queue": 12, "api.latency": (0.32, "s"), "api.size": 12.5},
)
LINES["exporter"] = (
    """# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.15
node_disk_io_now{device="sda"} 3
node_disk_io_now{device="sdb"} 5
""",
    {"node_load1": 0.15, "sda.node_disk_io_now": 3, "sdb.node_disk_io_now": 5},
)
LINES["logfmt"] = (
    'time="2026-01-31T12:00:05Z" level=info msg="request took 5 ms" cpu=12.5 took=5.2ms ts=1706702400\n',
    {"cpu": 12.5, "took": (0.0052, "s"), "ts": None, "msg": None},
)
LINES["log line"] = ("2026-01-31 12:00:05,123 INFO trainer: loss=0.31 lr=1e-3\n", {"loss": 0.31, "lr": 0.001})
LINES["syslog"] = ("Jan 31 12:00:05 web1 app[123]: requests=12 errors=0\n", {"requests": 12, "errors": 0})
LINES["pairs of hosts"] = ("host=web1 cpu=12\nhost=web2 cpu=48\n", {"web1.cpu": 12, "web2.cpu": 48})
LINES["conntrack -S"] = (
    "cpu=0   \tfound=1 invalid=12 drop=0\ncpu=1   \tfound=2 invalid=13 drop=0\n",
    {"cpu0.found": 1, "cpu1.found": 2, "cpu1.invalid": 13},
)
LINES["pairs, decimal commas"] = ("a=1,5 b=2,25\n", {"a": 1.5, "b": 2.25})
LINES["pairs, separated by commas"] = ("a=1,b=2, c=3;d=4\n", {"a": 1, "b": 2, "c": 3, "d": 4})
LINES["iwconfig"] = (
    "          Bit Rate=144.4 Mb/s   Tx-Power=20 dBm\n          Link Quality=60/70  Signal level=-50 dBm\n",
    {"Rate": (144.4e6, "bit/s"), "Tx-Power": (20, "dBm"), "level": (-50, "dBm")},
)
LINES["ping"] = (
    """PING 8.8.8.8 (8.8.8.8) 56(84) bytes of data.
64 bytes from 8.8.8.8: icmp_seq=1 ttl=117 time=12.3 ms
64 bytes from 8.8.8.8: icmp_seq=2 ttl=117 time=11.9 ms
""",
    {"time": (0.0119, "s"), "ttl": 117},
)
LINES["uptime"] = (
    " 12:00:05 up 3 days,  4:05,  2 users,  load average: 0.15, 0.10, 0.05\n",
    {"load average.1": 0.15, "load average.2": 0.1, "load average.3": 0.05},
)
LINES["uptime, German"] = (
    " 12:00:05 up 3 days,  4:05,  2 users,  load average: 0,15, 0,10, 0,05\n",
    {"load average.1": 0.15, "load average.3": 0.05},
)
LINES["uptime, macOS"] = (
    "12:00  up 3 days,  4:05, 2 users, load averages: 1.15 1.10 1.05\n",
    {"load averages.1": 1.15, "load averages.3": 1.05},
)
LINES["apcaccess"] = (
    """APC      : 001,036,0857
DATE     : 2026-01-31 12:00:00 +0100
VERSION  : 3.14.14 (31 May 2016) debian
STATUS   : ONLINE
LINEV    : 230.0 Volts
LOADPCT  : 12.0 Percent
BCHARGE  : 100.0 Percent
TIMELEFT : 45.0 Minutes
NUMXFERS : 0
SERIALNO : 123456789012
STATFLAG : 0x05000008
END APC  : 2026-01-31 12:00:05 +0100
""",
    {
        "LINEV": (230, "V"),
        "LOADPCT": (12, "%"),
        "TIMELEFT": (2700, "s"),
        "NUMXFERS": 0,
        "SERIALNO": None,
        "STATFLAG": None,
        "DATE": None,
        "APC": None,
    },
)
LINES["/proc/meminfo"] = (
    "MemTotal:       16310028 kB\nMemFree:         3214344 kB\nHugePages_Total:       0\n",
    {"MemTotal": (16310028 * KIB, "B"), "MemFree": (3214344 * KIB, "B"), "HugePages_Total": 0},
)
LINES["/proc/net/sockstat"] = (
    "sockets: used 180\nTCP: inuse 5 orphan 0 tw 1 alloc 7 mem 2\n",
    {"TCP.inuse": 5, "TCP.mem": 2},
)
LINES["upower"] = (
    """  battery
    state:               discharging
    energy:              45.12 Wh
    energy-rate:         8.5 W
    percentage:          87%
    voltage:             12.345 V
""",
    {"battery.energy": (45.12, "Wh"), "battery.energy-rate": (8.5, "W"), "battery.percentage": (87, "%")},
)
LINES["time and value"] = ("12:00:05 21.5\n12:00:06 21.6\n", {"value": 21.6})
LINES["date, time and value"] = ("2026-01-31 12:00:05 21.5\n", {"value": 21.5})
LINES["epoch and value"] = ("1706702400 21.5\n1706702401.5 21.6\n", {"value": 21.6})
LINES["one number with a unit"] = ("21.5 °C\n", {"value": (21.5, "°C")})
LINES["one number with a decimal comma"] = ("cpu: 9,5\n21,5\n", {"value": 21.5})
LINES["numbers"] = ("1 2.5 -3\n", {"column1": 1, "column2": 2.5, "column3": -3})
LINES["carriage returns"] = ("progress: 5%\rprogress: 50%\rprogress: 75%\r", {"progress": (75, "%")})
LINES["rsync --info=progress2"] = (
    "\r      1,238,099  45%  146.38kB/s    0:00:08",
    {"column1": 1238099, "column2": (45, "%"), "column3": (146380, "B/s"), "column4": None},
)
LINES["colours"] = ("\x1b[32mcpu\x1b[0m: \x1b[1;31m95.5%\x1b[0m\x1b[K\n", {"cpu": (95.5, "%")})
LINES["cursor"] = ("\x1b[2J\x1b[1;1Hcpu: 5\x1b[2;1Hmem: 7\x1b[?25l\n", {"cpu": 5, "mem": 7})
LINES["window title"] = ("\x1b]0;user@host: ~ 5\x07load=0.5\n", {"load": 0.5})
LINES["addresses and versions"] = (
    "version=1.2.3 addr=10.0.0.1 mask=255.255.255.0 at=12:30:05 date=2026-01-31 n=5\nip: 192.168.100.200\n",
    {"n": 5, "version": None, "addr": None, "mask": None, "at": None, "date": None, "ip": None},
)
LINES["missing values"] = (
    "a=- b=N/A c=5\nd: -\ne: [N/A]\nf: nan\n",
    {"c": 5, "a": None, "d": None, "f": None},
)
LINES["yaml"] = (
    "cpu:\n  user: 12.5\n  system: 3\nmemory:\n  used: 512 MiB\n",
    {"cpu.user": 12.5, "cpu.system": 3, "memory.used": (512 * MIB, "B")},
)
LINES["mysqladmin"] = (
    "Uptime: 1234  Threads: 2  Questions: 56  Slow queries: 0  Opens: 12\n",
    {"Uptime": 1234, "Threads": 2, "Questions": 56, "Slow queries": 0, "Opens": 12},
)
LINES["ceph"] = (
    "  data:\n    pools:   3 pools, 65 pgs\n    usage:   3.0 GiB used, 27 GiB / 30 GiB avail\n",
    {"data.pools.pools": 3, "data.pools.pgs": 65},
)
LINES["dd"] = ("1048576 bytes (1.0 MB, 1.0 MiB) copied, 1 s, 1.0 MB/s\nok=1\n", {"ok": 1})


LINES["training log"] = (
    "Epoch: 1, Loss: 0.3123, Acc: 91.2%\n",
    {"Epoch": 1, "Loss": 0.3123, "Acc": (91.2, "%")},
)
LINES["training log, words"] = (
    "epoch 1 step 20 loss 0.3023 lr 0.001\n",
    {"step": 20, "loss": 0.3023, "lr": 0.001},
)
LINES["training log, bars"] = (
    " 32/100 [======>.......] - ETA: 3s - loss: 0.3123 - accuracy: 0.91\n",
    {"loss": 0.3123, "accuracy": 0.91},
)
LINES["training log, dictionary"] = ("{'loss': 0.31, 'step': 5}\n", {"loss": 0.31, "step": 5})
LINES["ipmitool sensor"] = (
    "CPU Temp         | 45.000     | degrees C  | ok    | 0.000\nFAN1             | 1200.000   | RPM        | ok\nPSU | na | discrete | na\n",
    {"CPU Temp": (45, "°C"), "FAN1": (1200, "RPM"), "PSU": None},
)
LINES["ipmitool sdr"] = ("12V              | 12.06 Volts       | ok\n", {"12V": (12.06, "V")})
LINES["top, FreeBSD"] = (
    "CPU:  1.2% user,  0.0% nice, 98.5% idle\nMem: 234M Active, 1234M Inact, 512K Laundry\n",
    {"CPU.user": (1.2, "%"), "Mem.Active": (234 * MIB, "B"), "Mem.Laundry": (512 * KIB, "B")},
)
LINES["a name and a number in CSV"] = ("cpu;12,5\nmem;48\n", {"cpu": 12.5, "mem": 48})
LINES["words and units"] = ("cpu 0.5% mem 12%\n", {"cpu": (0.5, "%"), "mem": (12, "%")})


@pytest.mark.parametrize(("text", "expected"), LINES.values(), ids=LINES.keys())
def test_line_values_have_their_names_and_units(text: str, expected: dict[str, object]) -> None:
    check(text, expected)


DOCUMENTS: dict[str, tuple[str, dict[str, object]]] = {
    "docker stats": (
        '{"BlockIO":"0B / 9.65MB","CPUPerc":"0.12%","Container":"16eb87c04502","ID":"16eb87c04502",'
        '"MemPerc":"1.23%","MemUsage":"24.55MiB / 1.952GiB","Name":"web","NetIO":"607kB / 749kB","PIDs":"19"}\n',
        {
            "web.CPUPerc": (0.12, "%"),
            "web.MemUsage": (24.55 * MIB, "B"),
            "web.PIDs": 19,
            "web.NetIO.out": 749e3,
        },
    ),
    "docker stats, a stopped container": (
        '{"CPUPerc":"--","MemUsage":"-- / --","Name":"web","PIDs":"--"}\n{"CPUPerc":"1%","Name":"db"}\n',
        {"db.CPUPerc": 1, "web.CPUPerc": None},
    ),
    "an ID of digits": ('{"ID":"160487404502","Name":"db","PIDs":"4"}\n', {"db.PIDs": 4, "db.ID": None}),
    "named objects": (
        '{"gpus":[{"index":0,"name":"A","util":5},{"index":1,"name":"A","util":7}],"total":12}\n',
        {"total": 12, "gpus.0.util": None, "gpus.A.util": None},
    ),
    "named objects, different names": (
        '{"disks":[{"disk_device":"sda","util":5},{"disk_device":"sdb","util":"7,5"}]}\n',
        {"disks.sda.util": 5, "disks.sdb.util": 7.5},
    ),
    "ip -j -s link": (
        '[{"ifindex":1,"ifname":"lo","mtu":65536,"stats64":{"rx":{"bytes":12}}},'
        '{"ifindex":2,"ifname":"eth0","stats64":{"rx":{"bytes":34}}}]\n',
        {"lo.stats64.rx.bytes": 12, "eth0.stats64.rx.bytes": 34},
    ),
    "sensors -j": (
        """{
   "coretemp-isa-0000":{
      "Adapter": "ISA adapter",
      "Package id 0":{
         "temp1_input": 45.000,
         "temp1_max": 80.000
      }
   }
}
""",
        {"coretemp-isa-0000.Package id 0.temp1_input": 45},
    ),
    "a document after another": ('{\n  "a": 1\n}\n{\n  "a": 2\n}\n', {"a": 2}),
    "an array without an end": ('[\n{"name":"a","v":1},\n{"name":"b","v":2}\n', {"a.v": 1, "b.v": 2}),
    "times": (
        '{"timestamp":1706702400,"time":"2026-01-31T12:00:05Z","ts":1706702400123,"date":"31.01.2026","v":5}\n',
        {"v": 5, "timestamp": None, "ts": None, "time": None, "date": None},
    ),
    "numbers as text": (
        '{"temp":"48.3 C","free":"1.2GiB","version":"1.2.3","ip":"10.0.0.1","load":"0,5","no":"","yes":true}\n',
        {
            "temp": (48.3, "°C"),
            "free": (1.2 * GIB, "B"),
            "load": 0.5,
            "version": None,
            "ip": None,
            "yes": 1,
        },
    ),
    "deep": ('{"a":{"b":{"c":{"d":{"e":5}}}}}\n', {"a.b.c.d.e": 5}),
    "sensors of one model": (
        '{"model":"A","id":1,"temperature_C":21.5}\n{"model":"A","id":2,"temperature_C":11.5}\n',
        {"A.1.temperature_C": 21.5, "A.2.temperature_C": 11.5},
    ),
    "not finite": ('{"a":NaN,"b":Infinity,"c":1e400,"d":"nan","e":1}\n', {"e": 1, "a": None, "c": None}),
}


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_json_values_are_named_by_object(text: str, expected: dict[str, object]) -> None:
    check(text, expected)
