"""What REST callers send and get, one module per resource."""
