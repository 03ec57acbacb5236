"""The queries of the API to the warehouse: one readable statement for each question. All are pure."""
