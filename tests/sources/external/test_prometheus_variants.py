"""Responses of real exporters: the right numbers under short names, or a sentence."""

from __future__ import annotations

import math

import pytest
from prometheus_source import NOW, Scrape

from dashapp.model.ticks import SourceError

OPENMETRICS = "application/openmetrics-text"


def test_prometheus_declared_type_wins_over_name() -> None:
    text = (
        "# TYPE active_handles_total gauge\nactive_handles_total {n}\n"
        "# TYPE rx counter\nrx {n}\n# TYPE odd unknown\nodd {n}\n"
        "untyped_total {n}\n# TYPE cpu_seconds_count gauge\ncpu_seconds_count {n}\n"
    )
    scrape = Scrape()
    scrape.read(text.replace("{n}", "40"))
    assert scrape.read(text.replace("{n}", "60"), seconds=2) == {
        "prom.active_handles_total": 60,
        "prom.rx": 10,
        "prom.odd": 60,
        "prom.untyped_total": 10,
        "prom.cpu_seconds_count": 60,
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_prometheus_finds_types_anywhere(order: tuple[int, ...], newline: str) -> None:
    scrape = Scrape()
    for count in (100, 110):
        lines = [
            r"# HELP rx bytes \\ received \n in \"all\" {not a line} 5",
            "# TYPE rx counter",
            f'rx{{if="eth0"}} {count}',
            f'rx{{if="eth1"}} {2 * count}',
        ]
        values = scrape.read(newline.join(lines[index] for index in order) + newline)
    assert values == {"prom.rx.eth0": 10, "prom.rx.eth1": 20}
    assert not scrape.message


def test_prometheus_draws_no_metric_with_two_types() -> None:
    scrape = Scrape()
    assert scrape.read("# TYPE a gauge\na 1\n# TYPE a counter\na 2\nb 3\n") == {"prom.b": 3}


BAD_LINES = {
    "no value": ("b", '"b"'),
    "comma": ("b 21,5", '"b 21,5"'),
    "open quote": ('b{x="} 2', '"b{x="} 2"'),
    "no equals": ("b{x} 2 3 4 five", '"b{x} 2 3 4 five"'),
    "html": ("<p>hello</p>", '"<p>hello</p>"'),
    "not utf-8": ('b{x="\udcff"} 1', '"b{x="ÿ"} 1"'),
    "prose": ("Last update: 12:00", '"Last update: 12:00"'),
    "plain utf-8 name": ("température 21.5", '"température 21.5"'),
    "native histogram": ("b {count:24,sum:100,schema:0}", '"b {count:24'),
    "long": ('b{x="' + "y" * 5000 + '"} 1', "expected at most 4,096 bytes"),
}


@pytest.mark.parametrize("kind", ["text/plain", OPENMETRICS])
@pytest.mark.parametrize(("line", "quoted"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_prometheus_bad_line_costs_only_itself_and_is_quoted(line: str, quoted: str, kind: str) -> None:
    scrape = Scrape(content_type=kind)
    assert scrape.read(f"a 1\n{line}\nc 3\n# EOF\n") == {"prom.a": 1, "prom.c": 3}
    assert "http://x/metrics: line 2" in scrape.message
    assert quoted in scrape.message
    assert "; expected " in scrape.message
    scrape.read("a 1\nc 3\n# EOF\n")
    assert not scrape.message


@pytest.mark.parametrize("kind", ["text/plain", OPENMETRICS])
def test_prometheus_reads_quoted_utf8_names(kind: str) -> None:
    text = (
        '# HELP "http.server.requests" Requests.\n# TYPE "http.server.requests" gauge\n'
        '{"http.server.requests","http.route"="/a"} 50\n{"http.server.requests","http.route"="/b"} 60\n'
        '# TYPE "a\\"b" gauge\n{"a\\"b"} 7\n# EOF\n'
    )
    scrape = Scrape(content_type=kind)
    assert sorted(scrape.read(text).values()) == [7, 50, 60]
    assert not scrape.message
    assert {"http.server.requests http.route=/a", "http.server.requests http.route=/b"} < set(scrape.labels)
    assert len(Scrape("http.server.*").read(text)) == 2


PYTHON_CLIENT = """# HELP jobs_total Jobs.
# TYPE jobs_total counter
jobs_total {n}
# HELP jobs_created Jobs.
# TYPE jobs_created gauge
jobs_created 1.7e+09
# TYPE work_seconds histogram
work_seconds_bucket{le="0.1"} {n}
work_seconds_bucket{le="+Inf"} {n}
work_seconds_count {n}
work_seconds_sum {n}
# TYPE work_seconds_created gauge
work_seconds_created 1.7e+09
# TYPE kube_pod_created gauge
kube_pod_created 1.7e+09
"""


def test_prometheus_draws_no_creation_time_of_counter() -> None:
    scrape = Scrape()
    scrape.read(PYTHON_CLIENT.replace("{n}", "5"))
    values = scrape.read(PYTHON_CLIENT.replace("{n}", "9"))
    assert values == {
        "prom.jobs_total": 4,
        "prom.kube_pod_created": 1.7e9,
        "prom.work_seconds_count": 4,
        "prom.work_seconds_sum": 4,
        "prom.work_seconds.p50": pytest.approx(0.05),
        "prom.work_seconds.p95": pytest.approx(0.095),
        "prom.work_seconds.p99": pytest.approx(0.099),
    }


OPENMETRICS_TEXT = """# TYPE http_requests counter
# UNIT http_requests_seconds seconds
http_requests_total{code="200"} {n} # {trace_id="a b} # {"} 0.67 1.7e9
http_requests_created{code="200"} 1.7e9
# TYPE build info
build_info{version="1"} 1
# TYPE state stateset
state{state="on"} 1
state{state="off"} 0
# TYPE size_bytes gaugehistogram
size_bytes_bucket{le="1"} 2
size_bytes_bucket{le="+Inf"} 2
size_bytes_gcount 2
size_bytes_gsum 1
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} {n} # {trace_id="x"} 0.5
wait_seconds_bucket{le="+Inf"} {n}
wait_seconds_count {n}
wait_seconds_sum 1
# EOF
"""


def test_prometheus_reads_openmetrics_with_its_own_parser() -> None:
    scrape = Scrape(content_type=f"{OPENMETRICS}")
    scrape.read(OPENMETRICS_TEXT.replace("{n}", "10"))
    values = scrape.read(OPENMETRICS_TEXT.replace("{n}", "30"), seconds=2)
    assert values == {
        "prom.http_requests_total.code200": 10,
        "prom.state.on": 1,
        "prom.state.off": 0,
        "prom.size_bytes_gcount": 2,
        "prom.size_bytes_gsum": 1,
        "prom.size_bytes.p50": 0.5,
        "prom.size_bytes.p95": 0.95,
        "prom.size_bytes.p99": 0.99,
        "prom.wait_seconds_count": 10,
        "prom.wait_seconds_sum": 0,
        "prom.wait_seconds.p50": 0.5,
        "prom.wait_seconds.p95": 0.95,
        "prom.wait_seconds.p99": 0.99,
    }
    assert not scrape.message


def test_prometheus_reports_openmetrics_without_end() -> None:
    scrape = Scrape(content_type=OPENMETRICS)
    assert scrape.read("a 1\nb 12") == {"prom.a": 1}, "the last line may have been cut off"
    assert scrape.message == (
        'http://x/metrics: its end, which should be # EOF, is "b 12"; lines may be missing'
    )


def test_prometheus_omits_exemplar_in_text_format() -> None:
    assert Scrape().read('a_total 5 # {trace_id="x"} 0.67\nb 2\n') == {"prom.b": 2}
    scrape = Scrape()
    scrape.read("# TYPE a counter\na 5 # {} 0.67\n")
    assert scrape.read("# TYPE a counter\na 7 # {} 0.67\n") == {"prom.a": 2}


HISTOGRAM = """# TYPE d_seconds histogram
d_seconds_bucket{m="GET",le="0.1"} %d
d_seconds_bucket{m="GET",le="0.5"} %d
d_seconds_bucket{m="GET",le="1.0"} %d
d_seconds_bucket{m="GET",le="+Inf"} %d
d_seconds_count{m="GET"} %d
d_seconds_sum{m="GET"} 1
"""


def percentiles(scrape: Scrape, *counts: int) -> dict[str, float]:
    values = scrape.read(HISTOGRAM % (*counts, counts[-1]))
    return {key.rpartition(".")[2]: value for key, value in values.items() if ".p" in key}


def test_prometheus_percentiles_are_those_of_the_last_interval() -> None:
    scrape = Scrape()
    assert percentiles(scrape, 50, 60, 70, 70) == {}, "nothing is known about one reading"
    assert percentiles(scrape, 50, 60, 70, 70) == {}, "there was no observation"
    found = percentiles(scrape, 60, 150, 170, 170)
    assert found == {
        "p50": pytest.approx(0.1 + 0.4 * 40 / 80),
        "p95": pytest.approx(0.5 + 0.5 * 5 / 10),
        "p99": pytest.approx(0.5 + 0.5 * 9 / 10),
    }
    assert scrape.metrics["prom.d_seconds.get.p50"].label == "d_seconds p50"
    assert {metric.panel for key, metric in scrape.metrics.items() if ".p" in key} == {"prom_d_seconds"}
    assert {metric.unit for key, metric in scrape.metrics.items() if ".p" in key} == {"s"}
    assert percentiles(scrape, 1, 2, 3, 3) == {}, "the counters were reset"
    assert percentiles(scrape, 2, 3, 4, 4) == {
        "p50": pytest.approx(0.05),
        "p95": pytest.approx(0.095),
        "p99": pytest.approx(0.099),
    }


def test_prometheus_percentile_above_largest_bucket_is_not_drawn_and_reported() -> None:
    scrape = Scrape()
    percentiles(scrape, 0, 0, 0, 0)
    assert set(percentiles(scrape, 9, 9, 9, 10)) == {"p50"}
    assert "a percentile of d_seconds is above its largest bucket and is not drawn" in scrape.message


@pytest.mark.parametrize(
    "damage",
    [
        ('le="+Inf"', 'le="2"'),
        ("# TYPE d_seconds histogram", "# TYPE d_seconds gauge"),
    ],
)
def test_prometheus_histogram_keeps_count_when_buckets_are_wrong(damage: tuple[str, str]) -> None:
    scrape = Scrape()
    for counts in ((5, 4, 3, 9, 9), (7, 3, 9, 19, 19)):
        values = scrape.read((HISTOGRAM % counts).replace(*damage))
    assert not [key for key in values if ".p" in key]
    assert "prom.d_seconds_count.get" in values


def test_prometheus_summary_has_quantiles_as_percentiles() -> None:
    text = '# TYPE gc summary\ngc{quantile="0.5"} 4\ngc{quantile="0.999"} NaN\ngc_sum 10\ngc_count 20\n'
    scrape = Scrape()
    assert scrape.read(text) == {"prom.gc.p50": 4}
    assert set(scrape.read(text.replace("NaN", "7"))) == {
        "prom.gc.p50",
        "prom.gc.p99-9",
        "prom.gc_sum",
        "prom.gc_count",
    }
    assert scrape.labels == ["gc p50", "gc p99.9", "gc_count", "gc_sum"]


def test_prometheus_rate_of_counter_with_time_is_that_of_its_exporter() -> None:
    scrape = Scrape()
    text = "# TYPE cpu counter\ncpu %d %d\n"
    assert scrape.read(text % (100, 1000 * NOW)) == {}
    assert scrape.read(text % (100, 1000 * NOW)) == {}
    assert scrape.read(text % (120, 1000 * NOW + 10_000)) == {"prom.cpu": 2}
    assert scrape.read(text % (120, 1000 * NOW + 10_000)) == {"prom.cpu": 2}, "until it reads again"
    assert scrape.read(text % (5, 1000 * NOW + 20_000)) == {}, "it was reset"


@pytest.mark.parametrize(("kind", "factor"), [("text/plain", 1000), (OPENMETRICS, 1)])
@pytest.mark.parametrize("age", [301, -301, 4e8])
def test_prometheus_reports_value_of_another_time(kind: str, factor: int, age: float) -> None:
    scrape = Scrape(content_type=kind, wall=NOW - 1)
    assert scrape.read(f"old 5 {factor * (NOW - age):.0f}\nnew 6 {factor * NOW:.0f}\n# EOF\n") == {
        "prom.new": 6
    }
    assert "the time of old is" in scrape.message
    assert "not within 5 minutes of this clock" in scrape.message


def test_prometheus_drops_series_with_two_values_and_reports_it() -> None:
    scrape = Scrape()
    assert scrape.read('a{b="c"} 1\na{b="c"} 2\nx 3\nx 3\n') == {"prom.x": 3}
    assert scrape.message == 'http://x/metrics: a is "1 and 2"; a series has one value'
    times = [1000 * NOW - 5000, 1000 * NOW]
    assert Scrape().read(f"a 1 {times[0]:.0f}\na 2 {times[1]:.0f}\n") == {"prom.a": 2}


@pytest.mark.parametrize("text", ["", "\n\n", "# HELP a b\n# TYPE a gauge\n"])
def test_prometheus_reports_response_without_series(text: str) -> None:
    scrape = Scrape()
    assert scrape.read(text) == {}
    assert scrape.message == (
        "http://x/metrics returned no series; check the path, which is most often /metrics"
    )


def test_prometheus_reports_response_without_finite_number() -> None:
    scrape = Scrape()
    assert scrape.read("a NaN\nb +Inf\n") == {}
    assert scrape.message == 'http://x/metrics: the value of a is "nan"; expected a finite number'
    assert scrape.read("a NaN\nb 5\n") == {"prom.b": 5}
    assert not scrape.message


@pytest.mark.parametrize("garbage", ["<!DOCTYPE html>\n<html>", '{"a": 1}', "GIF89a\udcff\udcd8", "login: "])
def test_prometheus_quotes_response_that_is_something_else(garbage: str) -> None:
    with pytest.raises(SourceError, match="is not in Prometheus's text format: line 1 is"):
        Scrape().read(garbage)


DCGM = (
    'DCGM_FI_DEV_GPU_UTIL{gpu="%d",UUID="GPU-5feceb66-ffc8-6f38-d952-786c6d696c7%d",'
    'pci_bus_id="00000000:0%d:00.0",device="nvidia%d",modelName="NVIDIA A100-SXM4-40GB",'
    'Hostname="gpu-node-17.cluster.example"} %d\n'
)
CADVISOR = (
    'container_memory_usage_bytes{container_label_com_docker_compose_project="shop",'
    'container_label_com_docker_compose_service="web",id="/docker/%064x",image="nginx:1.27",'
    'name="shop-web-%d"} %d\n'
)
WINDOWS = 'windows_logical_disk_free_bytes{volume="%s:"} %d\n'
SPRING = 'jvm_memory_used_bytes{application="the-shop-backend",area="%s",id="G1 Eden"} %d\n'


def test_prometheus_labels_show_what_distinguishes_series() -> None:
    scrape = Scrape()
    scrape.read("".join(DCGM % (number, number, number, number, number) for number in range(4)))
    assert scrape.labels == [f"DCGM_FI_DEV_GPU_UTIL gpu={number}" for number in range(4)]
    assert set(scrape.metrics) == {f"prom.dcgm_fi_dev_gpu_util.nvidia{n}.gpu{n}" for n in range(4)}
    scrape.read("".join(CADVISOR % (number, number, number) for number in (1, 2)))
    assert scrape.labels == [f"container_memory_usage_bytes name=shop-web-{n}" for n in (1, 2)]
    assert set(scrape.metrics) == {
        f"prom.container_memory_usage_bytes.shop.web.shop-web-{number}" for number in (1, 2)
    }
    scrape.read(WINDOWS % ("C", 1) + WINDOWS % ("D", 2))
    assert scrape.labels == [f"windows_logical_disk_free_bytes volume={letter}:" for letter in "CD"]
    scrape.read(SPRING % ("heap", 1) + SPRING % ("nonheap", 2))
    assert set(scrape.metrics) == {
        "prom.jvm_memory_used_bytes.heap",
        "prom.jvm_memory_used_bytes.nonheap",
    }


def test_prometheus_keys_do_not_depend_on_other_series() -> None:
    lines = [
        f'http_requests_total{{code="{code}",method="{method}"}} 1\n'
        for code in (200, 500)
        for method in "ab"
    ]
    keys = set()
    for count in range(1, 5):
        scrape = Scrape()
        scrape.read("# TYPE http_requests_total gauge\n" + "".join(lines[:count]))
        keys |= set(scrape.metrics)
    assert keys == {f"prom.http_requests_total.code{code}.{method}" for code in (200, 500) for method in "ab"}


def test_prometheus_label_tells_more_once_another_series_appears() -> None:
    scrape = Scrape()
    line = 'up{job="node",instance="%s"} 1\n'
    scrape.read(line % "a")
    first = set(scrape.metrics)
    scrape.read(line % "a" + line % "b")
    assert scrape.labels == ["up instance=a", "up instance=b"]
    assert first < set(scrape.metrics)


@pytest.mark.parametrize("width", [1, 30, 70, 300])
def test_prometheus_labels_are_unique_and_short(width: int) -> None:
    scrape = Scrape()
    name = "a_name_of_an_exporter_that_describes_everything_in_detail_bytes"
    scrape.read("".join(f'{name}{{p="{"x" * width}{number}",q="y"}} 1\n' for number in range(20)))
    assert len(set(scrape.labels)) == len(set(scrape.metrics)) == 20
    assert max(map(len, scrape.labels)) <= 64


def test_prometheus_limits_buckets_but_keeps_series() -> None:
    lines = [f'd_bucket{{p="{number}",le="+Inf"}} 1\n' for number in range(6000)]
    scrape = Scrape()
    assert scrape.read("".join([*lines, "a 1\n"])) == {"prom.a": 1}
    assert "has more than 1,000 series; select some by name after a #" in scrape.message


def test_prometheus_values_are_finite() -> None:
    huge = "9" * 400
    values = Scrape().read(f"a {huge}\nb 1e999\nc -Inf\nd 1\n")
    assert values == {"prom.d": 1}
    assert all(map(math.isfinite, values.values()))
