"""The HTTP edge: identify the caller, read the request, write the response."""
