"""The rules of shipping: pure functions over frozen values, with time and ids as arguments."""
