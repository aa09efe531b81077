"""Streams of ticks as server-sent events."""
