"""The four tutorials, rewritten with their own libraries, to be measured beside dashapp.

Each is a process of its own, `python -m bench.originals.NAME PORT`, on 127.0.0.1.
"""
