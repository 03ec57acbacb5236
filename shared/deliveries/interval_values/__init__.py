"""Interval values: checked, or read by the warehouse itself, and stored as a delivery."""
