"""What comes in: delivery files read, checked, staged, taken in."""
