"""The engine of laptops and tests: DuckDB, with the same T-SQL translated."""
