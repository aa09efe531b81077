"""`make bench`: cost and speed of dashapp, measured on real processes and a real browser.

A part is a module with `run() -> list[Row]`. It starts and stops what it measures, and its time is bounded.
"""
