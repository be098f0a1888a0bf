"""The rules of notifications: pure functions over frozen values, with time and ids as arguments."""
