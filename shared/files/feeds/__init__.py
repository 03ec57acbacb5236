"""Feeds: files made after each publication, for one receiver."""
