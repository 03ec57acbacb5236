"""Who may see what and why, and what differs from the customer portal's list."""
