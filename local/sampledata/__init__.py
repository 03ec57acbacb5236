"""Metering data of the demo world: made up, the same for the same seed and day, and plausible in a plot."""
