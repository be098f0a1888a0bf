"""Notifications: notices to teams, and who gets them."""
