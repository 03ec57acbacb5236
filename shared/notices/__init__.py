"""Webhooks: signed notices that something new can be read."""
