"""REST of notifications: parse, run the handler, answer."""

from fastapi import APIRouter

from . import notices, stream, teams

router = APIRouter(prefix="/v1")
# the stream first: its path would otherwise be read as the id of a notice
router.include_router(stream.router)
router.include_router(notices.router)
router.include_router(teams.router)
