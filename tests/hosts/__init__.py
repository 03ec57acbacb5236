"""Microsoft's Functions host and the requests with which the stand-in is held against it."""
