"""Statistics of a series: its trend, its forecast, and its usual range."""
