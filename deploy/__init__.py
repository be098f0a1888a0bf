"""How Tieline is brought to run: locally, in containers, and the operator's command line."""
