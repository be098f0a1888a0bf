"""Inventory's REST door: parse, call a handler or a view, return."""

from services.inventory.api import automation, counts, incoming, items, queue, stock

routers = [items.router, queue.router, stock.router, incoming.router, automation.router, counts.router]
