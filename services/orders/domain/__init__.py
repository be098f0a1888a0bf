"""The rules of orders: pure functions and frozen dataclasses; time and ids are arguments."""
