"""Metering data: the warehouse engines that store it, and the queries that read it."""
