"""REST of orders: parse, run or read, answer."""

from fastapi import APIRouter

from . import customers, invoices, order_lines, sales_orders, special_orders

router = APIRouter(prefix="/v1")
for part in (customers, sales_orders, order_lines, special_orders, invoices):
    router.include_router(part.router)
