"""Read what a chart has painted on its canvases."""

from __future__ import annotations

from playwright.sync_api import Page

# Share of painted pixels in the column of a canvas at each of the given times, by the range of its chart.
COLUMNS = """([panel, selector, times]) => {
    const section = document.querySelector(`[data-panel="${panel}"]`);
    const canvas = section.querySelector(selector);
    const chart = dashapp.page.liveView.charts.find((each) => each.section === section);
    if (!canvas) return null;
    const [start, end] = chart.range();
    const context = canvas.getContext("2d");
    return times.map((time) => {
        const x = Math.round((canvas.width * (time - start)) / (end - start));
        const { data } = context.getImageData(Math.min(x, canvas.width - 1), 0, 1, canvas.height);
        return data.filter((value, index) => index % 4 === 3 && value > 0).length / canvas.height;
    });
}"""


def painted_columns(
    page: Page, panel: str, times: list[float], selector: str = ".plot-canvas"
) -> list[float]:
    """Return the painted share of the plot's height at each of the times (epoch milliseconds)."""
    shares: list[float] | None = page.evaluate(COLUMNS, [panel, selector, times])
    assert shares is not None, "no canvas"
    return shares
