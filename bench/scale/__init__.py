"""Cost of many hosts and many viewers, and the part that fails first.

Redis, nginx and dashapp are real, the hosts are simulated. `python -m bench.scale [PART …]`, or `make
bench-scale`. docs/scale.md uses its numbers.
"""
