"""`make bench`: what dashapp costs and how quick it is, measured on real processes and a real browser.

A part is a module with `run() -> list[Row]`; it starts what it measures, stops it, and is bounded in time.
"""
