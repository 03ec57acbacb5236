"""Exports: files made once, on a caller's request."""
