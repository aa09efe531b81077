"""The history in blocks: spans of ticks, compaction, roll-up, decoding, limit of size."""
