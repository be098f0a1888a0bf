"""The gateway: nginx, and the table that tells it which service answers for which resource."""
