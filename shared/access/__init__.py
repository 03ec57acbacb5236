"""Who may see what: grants and how they are read; the sync that keeps them."""
