"""What the four tutorials do, written anew with what they were made of, to be measured beside ours.

Each is a process of its own, `python -m bench.originals.NAME PORT`, on 127.0.0.1.
"""
