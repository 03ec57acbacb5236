"""Measures, side by side with what a user would pick instead; results in `bench/results`."""
