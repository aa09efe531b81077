"""CSV files as tools write them: right numbers, names and times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from replay_source import file_rows

Rows = Mapping[str, Mapping[str, float]]

# Each file with its rows: the time as the file writes it (UTC if it states a zone), and the values by name.
TOOLS: dict[str, tuple[str | bytes, Rows]] = {
    "HWiNFO in German": (
        'Datum;Zeit;"CPU [°C]";"Kern 0 [MHz]";"Drossel [Ja/Nein]"\n31.1.2026;12:0:5.123;45,0;3.000,5;Nein\n'
        '31.1.2026;12:0:6.123;46,5;3.001,5;Ja\nDatum;Zeit;"CPU [°C]";"Kern 0 [MHz]";"Drossel [Ja/Nein]"\n'
        ";;CPU [#0];CPU;CPU\n".encode("cp1252"),
        {
            "2026-01-31 12:00:05": {"CPU [°C]": 45, "Kern 0 [MHz]": 3000.5, "Drossel [Ja/Nein]": 0},
            "2026-01-31 12:00:06": {"CPU [°C]": 46.5, "Kern 0 [MHz]": 3001.5, "Drossel [Ja/Nein]": 1},
        },
    ),
    "HWiNFO with a delimiter at the end": (
        'Date,Time,"CPU [C]","Clock [MHz]",\n31.1.2026,12:0:5.123,45.0,3000,\n',
        {"2026-01-31 12:00:05": {"CPU [C]": 45, "Clock [MHz]": 3000}},
    ),
    "MSI Afterburner": (
        "00, 31-01-2026 12:00:00, Hardware monitoring log v1.6 \n01, 31-01-2026 12:00:00, GeForce\n"
        "02, 31-01-2026 12:00:00, GPU temperature     ,Framerate\n03, 31-01-2026 12:00:00, 0, °C,0,100\n"
        "80, 31-01-2026 12:00:01, 45.000              ,N/A\n80, 31-01-2026 12:00:02, 46.000  ,60.100\n",
        {
            "2026-01-31 12:00:01": {"GPU temperature": 45},
            "2026-01-31 12:00:02": {"GPU temperature": 46, "Framerate": 60.1},
        },
    ),
    "Open Hardware Monitor": (
        ',/amdcpu/0/load/1,/amdcpu/0/temperature/0,/ram/data/0\nTime,"CPU Core #1","CPU Core #1","Memory"\n'
        "01/02/2026 12:00:00,12.5,45.25,3000\n",
        {
            "2026-01-02 12:00:00": {
                "/amdcpu/0/load/1 CPU Core #1": 12.5,
                "/amdcpu/0/temperature/0 CPU Core #1": 45.25,
                "Memory": 3000,
            }
        },
    ),
    "typeperf": (
        '"(PDH-CSV 4.0) (W. Europe Standard Time)(-60)","\\\\PC\\Processor(_Total)\\% Time"\n'
        '"01/02/2026 12:00:05.123"," "\n"01/02/2026 12:00:06.123","12.345678"\n',
        {"2026-01-02 12:00:05": {}, "2026-01-02 12:00:06": {"\\\\PC\\Processor(_Total)\\% Time": 12.345678}},
    ),
    "nvidia-smi of two GPUs": (
        "timestamp, index, name, power.draw [W], memory.used [MiB], pstate, fan.speed [%]\n"
        + "".join(
            f"2026/11/27 16:49:{second}.14{gpu}, {gpu}, NVIDIA H100, {gpu}7.50 W, {gpu}8 MiB, P{gpu}, [N/A]\n"
            for second in (10, 20, 30)
            for gpu in (0, 1)
        ),
        {
            f"2026-11-27 16:49:{second}": {
                "0.power.draw [W]": 7.5,
                "0.memory.used [MiB]": 8,
                "1.power.draw [W]": 17.5,
                "1.memory.used [MiB]": 18,
            }
            for second in (10, 20, 30)
        },
    ),
    "Excel in German": (
        "\ufeffZeit;Temperatur °C;Leistung W\r\n31.01.2026 12:00;21,0;1.234,5\r\n"
        "31.01.2026 12:01;21,5;1.235\r\n",
        {
            "2026-01-31 12:00:00": {"Temperatur °C": 21, "Leistung W": 1234.5},
            "2026-01-31 12:01:00": {"Temperatur °C": 21.5, "Leistung W": 1235},
        },
    ),
    "Excel in French": (
        "Date;Débit;Prix\n31/01/2026 12:00;1 234,56;12,50 €\n31/01/2026 12h01;1\u202f234,56;13,50 €\n",
        {
            "2026-01-31 12:00:00": {"Débit": 1234.56, "Prix": 12.5},
            "2026-01-31 12:01:00": {"Débit": 1234.56, "Prix": 13.5},
        },
    ),
    "Excel in American English": (
        'Date,Price,Volume\n1/30/2026 1:00:00 PM,"$1,234.50","1,234,567"\n'
        '1/30/2026 1:00:01 PM,($12.50),"1,234"\n',
        {
            "2026-01-30 13:00:00": {"Price": 1234.5, "Volume": 1234567},
            "2026-01-30 13:00:01": {"Price": -12.5, "Volume": 1234},
        },
    ),
    "Excel as Unicode text": (
        "Zeit\tTemp °C\r\n31.01.2026 12:00\t21,5\r\n".encode("utf-16"),
        {"2026-01-31 12:00:00": {"Temp °C": 21.5}},
    ),
    "Excel with sep": ("sep=;\r\ntime;a\r\n2026-01-31 12:00;1,5\r\n", {"2026-01-31 12:00:00": {"a": 1.5}}),
    "Excel on an old Mac": ("time,a\r2026-01-31 12:00:00,5\r", {"2026-01-31 12:00:00": {"a": 5}}),
    "Excel serial days": (
        "Datum;Wert\n46053,5;1,5\n46053,5006944444;2,5\n",
        {"2026-01-31 12:00:00": {"Wert": 1.5}, "2026-01-31 12:01:00": {"Wert": 2.5}},
    ),
    "LibreOffice": (
        '"Datum","Wert"\n"31.01.26 12:00","1.234,5"\n"31.01.26 12:01","0,5"\n',
        {"2026-01-31 12:00:00": {"Wert": 1234.5}, "2026-01-31 12:01:00": {"Wert": 0.5}},
    ),
    "Home Assistant": (
        "entity_id,state,last_changed\nsensor.a,21.5,2026-01-31T12:00:01.720Z\n"
        "light.b,on,2026-01-31T12:00:00.158Z\nsensor.a,unavailable,2026-01-31T12:00:02.720Z\n"
        "light.b,off,2026-01-31T12:00:03.158Z\nweather.c,sunny,2026-01-31T12:00:04.158Z\n",
        {
            "2026-01-31 12:00:00": {"light.b": 1},
            "2026-01-31 12:00:01": {"sensor.a": 21.5},
            "2026-01-31 12:00:02": {},
            "2026-01-31 12:00:03": {"light.b": 0},
            "2026-01-31 12:00:04": {},
        },
    ),
    "Home Assistant, one thing after the other": (
        "entity_id,state,last_changed\n"
        + "".join(
            f"{name},{value},2026-01-31T12:0{value}:00.000Z\n" for name in ("a.x", "a.y") for value in (1, 2)
        ),
        {f"2026-01-31 12:0{value}:00": {"a.x": value, "a.y": value} for value in (1, 2)},
    ),
    "Grafana, wide": (
        '"Time","cpu","mem"\n2026-01-31 12:00:00,12.5 %,4.50 GiB\n2026-01-31 12:00:15,13 %,512 MiB\n',
        {
            "2026-01-31 12:00:00": {"cpu": 12.5, "mem": 4.5 * 2**30},
            "2026-01-31 12:00:15": {"cpu": 13, "mem": 512 * 2**20},
        },
    ),
    "Grafana, long": (
        '"Series";"Time";"Value"\n"cpu";"2026-01-31T12:00:00.000+01:00";12.5\n'
        '"mem";"2026-01-31T12:00:00.000+01:00";50\n',
        {"2026-01-31 11:00:00": {"cpu": 12.5, "mem": 50}},
    ),
    "InfluxDB": (
        "#group,false,false,true,true,false,false,true,true\n"
        "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string\n"
        "#default,_result,,,,,,,\n,result,table,_start,_stop,_time,_value,_field,host\n"
        ",,0,2026-01-30T12:00:00Z,2026-01-31T12:00:00Z,2026-01-31T11:00:00Z,12.5,usage,a\n"
        ",,0,2026-01-30T12:00:00Z,2026-01-31T12:00:00Z,2026-01-31T11:00:10Z,13,usage,a\n\n"
        "#group,false\n#datatype,string\n#default,_result\n,result,table,_start,_stop,_time,_value,_field,host\n"
        ",,1,2026-01-30T12:00:00Z,2026-01-31T12:00:00Z,2026-01-31T11:00:00Z,50,usage,b\n",
        {"2026-01-31 11:00:00": {"a": 12.5, "b": 50}, "2026-01-31 11:00:10": {"a": 13}},
    ),
    "Prometheus": (
        "metric,instance,job,timestamp,value\nup,a:9100,node,1769860800,1\nup,b:9100,node,1769860800,0\n"
        "up,a:9100,node,1769860815.5,1\n",
        {"2026-01-31 12:00:00": {"a:9100": 1, "b:9100": 0}, "2026-01-31 12:00:15": {"a:9100": 1}},
    ),
    "CloudWatch": (
        "Label,CPUUtilization,NetworkIn\nId,m1,m2\n2026/01/31 12:00:00,12.5,1024\n",
        {"2026-01-31 12:00:00": {"CPUUtilization [m1]": 12.5, "NetworkIn [m2]": 1024}},
    ),
    "Azure": (
        "TimeGenerated [UTC],Computer,CounterName,CounterValue\n"
        '"1/31/2026, 12:00:00.000 PM",vm1,% Processor Time,12.5\n'
        '"1/31/2026, 12:00:00.000 PM",vm2,% Processor Time,22.5\n',
        {"2026-01-31 12:00:00": {"vm1": 12.5, "vm2": 22.5}},
    ),
    "Fitbit": (
        '"Activities"\n"Date","Calories Burned","Steps","Distance"\n"2026-01-31","2,345","12,345","8.5"\n',
        {"2026-01-31 00:00:00": {"Calories Burned": 2345, "Steps": 12345, "Distance": 8.5}},
    ),
    "Withings, newest first": (
        'Date,"Weight (kg)",Comments\n"2026-01-31 08:00:00",80.5,\n"2026-01-30 08:00:00",81.25,\n',
        {"2026-01-30 08:00:00": {"Weight (kg)": 81.25}, "2026-01-31 08:00:00": {"Weight (kg)": 80.5}},
    ),
    "solar inverter": (
        "Anlage;Dach\nSeriennr;1234567\n\nDatum / Uhrzeit;Leistung [W];Ertrag [kWh]\n"
        "31.01.2026 12:00;1.234,5;12,3\n31.01.2026 12:05;1.300,0;12,4\n",
        {
            "2026-01-31 12:00:00": {"Leistung [W]": 1234.5, "Ertrag [kWh]": 12.3},
            "2026-01-31 12:05:00": {"Leistung [W]": 1300, "Ertrag [kWh]": 12.4},
        },
    ),
    "weather station": (
        '"TOA5","CR1000","CR1000","1234","CR1000.Std.01","CPU:x.CR1","1111","Tab1"\n'
        '"TIMESTAMP","RECORD","AirTC_Avg","WS"\n"TS","RN","Deg C","m/s"\n"","","Avg","Smp"\n'
        '"2026-01-31 12:00:00",0,21.5,"NAN"\n"2026-01-31 12:01:00",1,21.6,3.5\n',
        {
            "2026-01-31 12:00:00": {"RECORD [RN]": 0, "AirTC_Avg [Deg C]": 21.5},
            "2026-01-31 12:01:00": {"RECORD [RN]": 1, "AirTC_Avg [Deg C]": 21.6, "WS [m/s]": 3.5},
        },
    ),
    "ESP logger": (
        "millis,temp\n1000,21.5\n2500,21.6\n",
        {"1970-01-01 00:00:01": {"temp": 21.5}, "1970-01-01 00:00:02": {"temp": 21.6}},
    ),
    "oscilloscope": (
        "Time (s)\tV\n0\t1.5\n0.5\t1.6\n1\t1.7\n1.5\t1.8\n",
        {"1970-01-01 00:00:00": {"V": 1.6}, "1970-01-01 00:00:01": {"V": 1.8}},
    ),
    "Yahoo": (
        'Date,Open,Close,Volume\n2026-01-30,101.25,101,"1,234,567"\n2026-01-29,100.25,100.5,"987,654"\n',
        {
            "2026-01-29 00:00:00": {"Open": 100.25, "Close": 100.5, "Volume": 987654},
            "2026-01-30 00:00:00": {"Open": 101.25, "Close": 101, "Volume": 1234567},
        },
    ),
    "Markdown": (
        "| time | a |\n| 2026-01-31 12:00 | 5 |\n| 2026-01-31 12:01 | 6 |\n",
        {"2026-01-31 12:00:00": {"a": 5}, "2026-01-31 12:01:00": {"a": 6}},
    ),
    "columns of fixed width": (
        "time                 temp  hum\n2026-01-31 12:00:00  21.5   48\n2026-01-31 12:00:01  21.6   49\n",
        {"2026-01-31 12:00:00": {"temp": 21.5, "hum": 48}, "2026-01-31 12:00:01": {"temp": 21.6, "hum": 49}},
    ),
    "single spaces": (
        "time temp hum\n2026-01-31 12:00:00 21.5 48\n2026-01-31 12:00:01 21.6 49\n",
        {"2026-01-31 12:00:00": {"temp": 21.5, "hum": 48}, "2026-01-31 12:00:01": {"temp": 21.6, "hum": 49}},
    ),
    "stations that alternate": (
        "time,where,temp\n"
        + "".join(f"2026-01-31 12:0{minute},{'io'[minute % 2]},{minute}\n" for minute in range(8)),
        {f"2026-01-31 12:0{minute}:00": {f"{'io'[minute % 2]}.temp": minute} for minute in range(8)},
    ),
}


@pytest.mark.parametrize(("text", "rows"), TOOLS.values(), ids=TOOLS.keys())
def test_csv_of_tool_has_right_values_at_right_times(text: str | bytes, rows: Rows, tmp_path: Path) -> None:
    found, messages = file_rows(tmp_path, text)
    assert messages == []
    assert found == rows


ROW = "2026-01-31 12:00:00"
NOON = {ROW: {"a": 5.0}}
# Files that differ in one thing from a simple one, and their rows.
SHAPES: dict[str, tuple[str | bytes, Rows]] = {
    **{
        f"delimiter {delimiter!r}": (f"time{delimiter}a\n2026-01-31T12:00{delimiter}5\n", NOON)
        for delimiter in (",", ";", "\t", "|", " ", "   ")
    },
    "utf-16 without a mark": ("time\ta\r\n2026-01-31 12:00\t5\r\n".encode("utf-16-le"), NOON),
    "utf-16 big endian": ("time\ta\r\n2026-01-31 12:00\t5\r\n".encode("utf-16-be"), NOON),
    "latin-1": ("time;°\n31.01.2026 12:00;5\n".encode("latin-1"), {ROW: {"°": 5}}),
    "line breaks in quotes": ('time,note,a\n2026-01-31 12:00:00,"x, ""y""\n\nz",5\n', NOON),
    "quote without an end": ('time,note,a\n2026-01-31 12:00:00,5" pipe,5\n', NOON),
    "empty rows": ("time;a\n\n;\n2026-01-31 12:00;5\n;;\n\n", NOON),
    "heading again": (
        "time,a\n2026-01-31 12:00,5\ntime,a\n2026-01-31 12:01,6\n",
        {**NOON, "2026-01-31 12:01:00": {"a": 6}},
    ),
    "comments between": ("# x\ntime,a\n2026-01-31 12:00,5\n# pause, 1\n", NOON),
    "heading in a comment": ("# made by x\n# time,a\n2026-01-31 12:00,5\n", NOON),
    "lines in front": (
        "Logger v1.2\nSerial: 12345\nExported, 2026-02-01\n\ntime,a\n2026-01-31 12:00,5\n"
        "2026-01-31 12:01,6\n",
        {**NOON, "2026-01-31 12:01:00": {"a": 6}},
    ),
    "equal names": ("time,T,T,T 2\n2026-01-31 12:00,1,2,3\n", {ROW: {"T": 1, "T 3": 2, "T 2": 3}}),
    "no name": ("time,,a\n2026-01-31 12:00,1,5\n", {ROW: {"column1": 1, "a": 5}}),
    "time in the last column": ("a,when\n5,2026-01-31 12:00\n", NOON),
    "date after time": ("Uhrzeit;Datum;a\n12:00;31.01.2026;5\n", NOON),
    "two times": ("start,end,a\n2026-01-31 12:00,2026-01-31 12:05,5\n", NOON),
    "one changing time": (
        "_start,_time,a\n2026-01-01,2026-01-31 12:00,5\n2026-01-01,2026-01-31 12:01,6\n",
        {**NOON, "2026-01-31 12:01:00": {"a": 6}},
    ),
    "out of order": (
        "time,a\n" + "".join(f"2026-01-31 12:0{m},{m}\n" for m in (1, 3, 2, 4)),
        {f"2026-01-31 12:0{m}:00": {"a": m} for m in (1, 2, 3, 4)},
    ),
    "status beside": (
        "time,a,sky\n"
        + "".join(
            f"2026-01-31 12:0{m},{m},{sky}\n"
            for m, sky in enumerate(["sun", "sun", "rain", "rain", "sun", "sun"])
        ),
        {f"2026-01-31 12:0{m}:00": {"a": m} for m in range(6)},
    ),
    "numbers named like things": (
        "time,cpu,disk\n" + "".join(f"2026-01-31 12:0{m},{1 + m % 2},{m}\n" for m in range(6)),
        {f"2026-01-31 12:0{m}:00": {"cpu": 1 + m % 2, "disk": m} for m in range(6)},
    ),
    "over midnight": (
        "time,a\n23:59:59,1\n00:00:00,2\n",
        {"1970-01-01 23:59:59": {"a": 1}, "1970-01-02 00:00:00": {"a": 2}},
    ),
}


@pytest.mark.parametrize(("text", "rows"), SHAPES.values(), ids=SHAPES.keys())
def test_csv_shape_does_not_change_values(text: str | bytes, rows: Rows, tmp_path: Path) -> None:
    found, messages = file_rows(tmp_path, text)
    assert messages == []
    assert found == rows


@pytest.mark.parametrize("count", [64, 1000])
def test_csv_has_all_columns(count: int, tmp_path: Path) -> None:
    heading = ",".join(f"Core {index} T0 Effective Clock [MHz]" for index in range(count))
    row = ",".join(map(str, range(count)))
    found, messages = file_rows(tmp_path, f"Date,Time,{heading}\n31.1.2026,12:0:0.5,{row}\n")
    assert messages == []
    assert found[ROW] == {f"Core {index} T0 Effective Clock [MHz]": index for index in range(count)}


def test_csv_reports_columns_beyond_limit(tmp_path: Path) -> None:
    heading, row = (",".join(f"{letter}{index}" for index in range(1200)) for letter in ("c", ""))
    found, messages = file_rows(tmp_path, f"time,{heading}\n2026-01-31 12:00,{row}\n")
    assert len(found[ROW]) == 1000
    assert messages == [
        "prices.csv: it has 1,200 columns of numbers; only the first 1,000 are read",
    ]
