"""Forms: series written as CSV, NDJSON, Parquet, xlsx and GS2, one pure module each; `table` lists them."""
