"""The history in blocks: spans of ticks, compaction, roll-up, decoding and the limit of size."""
