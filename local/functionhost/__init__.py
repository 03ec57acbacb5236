"""Serves `function_app.py` on this machine as the Azure Functions host would.

Where the real host has a habit that a caller can notice, the habit is kept and its source is named beside it.
"""
