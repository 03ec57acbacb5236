"""The local stack: each part of the system as a process, started, watched and stopped together."""
