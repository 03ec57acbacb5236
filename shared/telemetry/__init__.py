"""Spans and metrics: the only importer of OpenTelemetry and of the exporter to Application Insights."""
