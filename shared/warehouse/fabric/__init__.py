"""The engine that runs in Azure: a Fabric warehouse over ODBC."""
