"""An hour of faults, and their cost: `make soak`."""
