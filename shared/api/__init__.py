"""The HTTP edge: who calls, what is asked, and how it is answered."""
