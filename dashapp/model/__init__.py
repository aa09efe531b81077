"""Types and pure functions: ticks, metrics, panels, thresholds, roll-up.

Nothing here reads a clock, a file or a socket, or starts a process.
"""
