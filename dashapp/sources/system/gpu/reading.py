"""The values of a GPU, and their metrics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from dashapp.model.ticks import Metric
from dashapp.sources.named_values import plain_label

# Reasons for a low clock, and their words. Each has a metric, so that the history shows the reason as well.
REASONS = {
    "power": "power limit",
    "temperature": "temperature",
    "brake": "power brake outside the GPU",
    "hardware": "protection in the hardware",
}


@dataclass(frozen=True)
class GpuReading:
    """The values of one GPU, or of a slice of one; None if the GPU does not report a value.

    `name` is the product. `percent`: the share of time with work. `memory` and `memory_total`: bytes.
    `temperature`: °C. `power`: W. `clock`: Hz. `throttled`: the REASONS why the clock is low; empty if it is
    not, and None if that is not known.
    """

    name: str = ""
    percent: float | None = None
    memory: float | None = None
    memory_total: float | None = None
    temperature: float | None = None
    power: float | None = None
    clock: float | None = None
    throttled: Collection[str] | None = None


@dataclass(frozen=True)
class GpuProcess:
    """All processes of one name on the GPUs, and the bytes of GPU memory that they use."""

    name: str
    bytes: int
    count: int


@dataclass
class GpuMetrics:
    """Makes the metrics of GPUs, each the same object every time.

    A reason has a metric from the first time that it occurs.
    """

    _metrics: dict[tuple[str, str, str], Metric] = field(default_factory=dict)

    def values(self, number: str, reading: GpuReading) -> Mapping[Metric, float]:
        """Return the values of the GPU `number`, such as "0", or "0-mig1" for a slice."""
        title = "GPU " + number.replace("-mig", ", slice ")
        product = plain_label(f"{title}, {reading.name}" if reading.name else title)
        values: dict[Metric, float] = {}

        def add(
            quantity: str, label: str, unit: str, panel: str, value: float | None, digits: int = 0
        ) -> None:
            if value is not None:
                high = 100.0 if unit == "%" else 1.0 if panel == "gputhrottled" else None
                metric = self._metric(f"gpu.{number}.{quantity}", label, unit, panel, high)
                values[metric] = round(value, digits) if digits else round(value)

        add("percent", product, "%", "gpu", _percent(reading.percent, 100), 1)
        add("memory", title, "B", "gpumemory", reading.memory)
        share = _percent(reading.memory, reading.memory_total)
        add("memory.percent", f"{title} memory", "%", "gpu", share, 1)
        add("temperature", title, "°C", "gputemperature", reading.temperature, 1)
        add("power", title, "W", "gpupower", reading.power, 1)
        add("clock", title, "Hz", "gpuclock", reading.clock)
        if reading.throttled is not None:
            add("throttled", f"{title} throttled", "", "gputhrottled", bool(reading.throttled))
            for reason, words in REASONS.items():
                key = f"gpu.{number}.throttled.{reason}"
                label = f"{title}, {words}"
                if reason in reading.throttled or (key, label, "") in self._metrics:
                    add(f"throttled.{reason}", label, "", "gputhrottled", reason in reading.throttled)
        return values

    def _metric(self, key: str, label: str, unit: str, panel: str, high: float | None) -> Metric:
        cached = (key, label, unit)
        if cached not in self._metrics:
            low = None if unit == "°C" else 0.0
            self._metrics[cached] = Metric(key, label, unit, panel, low, high)
        return self._metrics[cached]


def _percent(part: float | None, whole: float | None) -> float | None:
    if part is None or not whole or part < 0:
        return None
    return min(100.0, 100 * part / whole)
