"""Inventory's REST door: parse, call a handler or a view, return."""

from services.inventory.api import incoming, items, stock

routers = [items.router, stock.router, incoming.router]
