"""orders: the order as the customer wants it, its special orders, what may ship, and the invoice."""
