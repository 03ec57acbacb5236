"""The customer's contract: the writer of OpenAPI, its examples, and fuzzing."""
