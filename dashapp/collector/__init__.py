"""The collector process: clock, sampler, and the checks before it starts."""
