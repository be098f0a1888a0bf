"""Inventory: what exists, what is there, and who gets it."""
