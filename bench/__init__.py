"""Measurements: whole chains through the five services, the relay alone, and what a hop of the broker costs."""
