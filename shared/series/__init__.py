"""Series of stored market days: checked, cut and summed. Pure."""
