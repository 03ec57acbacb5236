"""Who may see what and why, and differences from the customer portal's list."""
