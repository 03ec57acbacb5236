"""Files that go out: exports on request, and feeds after each publication."""
