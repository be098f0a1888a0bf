"""What REST callers of inventory send and get."""
