"""New and corrected market days since a cursor."""
