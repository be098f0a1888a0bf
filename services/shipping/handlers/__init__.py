"""What can happen in shipping, from REST and from facts alike."""

from .departures import ship, ship_batch
from .hearing import inspection_completed, lines_released, release_revoked, withdrawal_asked
from .shipments import change, pack, pick, unpick, void

__all__ = [
    "change",
    "inspection_completed",
    "lines_released",
    "pack",
    "pick",
    "release_revoked",
    "ship",
    "ship_batch",
    "unpick",
    "void",
    "withdrawal_asked",
]
