"""What many hosts and many viewers cost, and what breaks first: real Redis, nginx and dashapp, made-up hosts.

`python -m bench.scale [PART …]`, or `make bench-scale`. docs/scale.md goes on from its numbers.
"""
