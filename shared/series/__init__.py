"""Series of stored market days: which are sound, and what is cut and summed of them; pure."""
