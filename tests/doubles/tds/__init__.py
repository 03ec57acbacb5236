"""A stand-in for Microsoft Fabric's warehouse, on the wire: a TDS server in front of the embedded engine.

Microsoft's own ODBC driver talks to it as it does to Fabric, so that tests run the adapter, the driver and
the protocol, and faults of a server can be planted where they happen. It takes the T-SQL that
`shared.warehouse.duckdb.tsql` translates, and no more; `shared/` never imports it.

The protocol: https://learn.microsoft.com/openspecs/windows_protocols/ms-tds.
"""
