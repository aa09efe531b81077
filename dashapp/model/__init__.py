"""Types and pure functions: ticks, panels, thresholds, roll-up. No clock, file, process or socket."""
