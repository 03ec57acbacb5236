"""What operators and account managers ask of the stored access: who sees what, and does the portal agree."""
