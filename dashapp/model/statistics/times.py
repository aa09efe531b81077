"""The hours of forecasts, and their times in words."""

from __future__ import annotations

from dashapp.model.statistics.forecast import DAY_S, HOUR_S, YEAR_S, Forecast

# Seconds after an hour until its last minute is in the history.
LAG_S = 900.0
# A shorter time is in hours.
MIN_DAYS_S = 2 * DAY_S


def whole_hour(now: float) -> float:
    """Return the end of the newest hour that the history has at `now`, in seconds UTC."""
    return (now - LAG_S) // HOUR_S * HOUR_S


def describe_forecast(forecast: Forecast, now: float) -> str:
    """Return the time of a forecast in words, such as "in 5 days (3 to 9)"."""
    seconds = max(0.0, forecast.at - now)
    size, unit = (DAY_S, "day") if seconds >= MIN_DAYS_S else (HOUR_S, "hour")
    count = max(1, round(seconds / size))
    words = f"in {count} {unit}{'' if count == 1 else 's'}"
    low = max(0, round((forecast.earliest - now) / size))
    if forecast.latest is None:
        return f"{words} ({low} to more than {YEAR_S / size:.0f})"
    high = round((forecast.latest - now) / size)
    return words if low == high == count else f"{words} ({low} to {max(high, count)})"
