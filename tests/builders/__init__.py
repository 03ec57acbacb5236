"""Values and stand-ins that several tests build."""
