"""Serves `function_app.py` on this machine as the Azure Functions host would.

Behaviour of the real host that a caller can notice is reproduced, with its source named beside it.
"""
