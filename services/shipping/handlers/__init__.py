"""What can happen in shipping, from REST and from facts alike."""

from .departures import Leaving, ship, ship_batch, ship_many
from .hearing import inspection_completed, lines_released, release_revoked, withdrawal_asked
from .packing import NewPackage, pack_package, unpack_package
from .shipments import change, pack, pick, unpick, void

__all__ = [
    "Leaving",
    "NewPackage",
    "change",
    "inspection_completed",
    "lines_released",
    "pack",
    "pack_package",
    "pick",
    "release_revoked",
    "ship",
    "ship_batch",
    "ship_many",
    "unpack_package",
    "unpick",
    "void",
    "withdrawal_asked",
]
