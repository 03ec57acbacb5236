"""The customer's contract as OpenAPI, generated from models that real answers are checked against."""
