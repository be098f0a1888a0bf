"""Purchasing's REST door, one module per resource."""

from fastapi import APIRouter

from services.purchasing.api import catalogue, desk, purchase_orders, replenishment

router = APIRouter(prefix="/v1")
router.include_router(catalogue.router)
router.include_router(purchase_orders.router)
router.include_router(desk.router)
router.include_router(replenishment.router)
