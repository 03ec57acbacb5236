"""Offline checks of the infrastructure: what can be known of it without Azure and without the Bicep compiler.

Each check is a function over texts that returns its findings as sentences; no finding, nothing wrong.
"""
