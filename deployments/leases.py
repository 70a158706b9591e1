"""Prefect's leases in files, and what a server that was killed left half-written of them put right.

Prefect 3.8.8 takes the slots of a lease in the database, then writes the lease's file, then enters it into an index of
expirations, each by itself (prefect: server/api/concurrency_limits_v2, lease_storage/filesystem). A server that dies in
between leaves a slot that no lease holds, or a lease that nobody ever looks at: a lock of the courier's that is never
free again. So whenever Prefect asks which leases have run out, those that the index does not know are entered first,
and slots of the courier's own locks that no lease holds, at two looks one after the other, are given back.

It is named by `PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE`. One directory of leases per database: a second server with
a directory of its own would take the locks of the first for lost.
"""

import logging
from collections import Counter
from datetime import datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from prefect.server.concurrency.lease_storage import filesystem
from prefect.server.database import provide_database_interface

from flows.core.names import LOCK_PREFIXES

log = logging.getLogger(__name__)

Surplus = dict[UUID, int]
"""Slots that no lease holds, by the id of their limit."""

_seen: dict[Path, Surplus] = {}
"""The surplus of the latest look, by the directory of the leases: Prefect makes a new storage for every look."""


class ConcurrencyLeaseStorage(filesystem.ConcurrencyLeaseStorage):
    """Prefect's own storage of leases in files, which also finds what a killed server left half-done."""

    async def read_expired_lease_ids(self, limit: int = 100) -> list[UUID]:
        """Return the leases that have run out, as Prefect's own does, once everything is accounted for."""
        await self._enter_unknown()
        await self._give_back_unheld()
        return await super().read_expired_lease_ids(limit)

    async def _enter_unknown(self) -> None:
        """Enter the leases whose file was written and that the index does not know."""
        known = await self._load_expiration_index()
        for lease_id in self._in_files() - {UUID(each) for each in known}:
            if (lease := await self.read_lease(lease_id)) is not None:
                log.warning("the lease %s was never entered: it runs out at %s", lease_id, lease.expiration)
                await self._enter(lease_id, lease.expiration)

    async def _enter(self, lease_id: UUID, expiration: datetime) -> None:
        """Enter a lease, unless it was given back or entered meanwhile."""
        async with self._lock_expiration_index():
            index = await self._load_expiration_index()
            if str(lease_id) not in index and self._lease_file_path(lease_id).exists():
                index[str(lease_id)] = expiration.isoformat()
                self._save_expiration_index(index)

    async def _give_back_unheld(self) -> None:
        """Give back what no lease held at the look before, either: a lease's file follows its slot at once."""
        surplus = await self._unheld()
        before = _seen.get(self.storage_path, {})
        lost = {limit: min(slots, before[limit]) for limit, slots in surplus.items() if limit in before}
        _seen[self.storage_path] = {limit: slots for limit, slots in surplus.items() if limit not in lost}
        if lost:
            await _give_back(lost)

    async def _unheld(self) -> Surplus:
        taken = await _taken()
        # Read after the slots: a lease that was given back meanwhile counts as a surplus once, and not again.
        held: Counter[UUID] = Counter()
        for lease_id in self._in_files():
            if (lease := await self.read_lease(lease_id)) is not None and lease.metadata is not None:
                held.update(dict.fromkeys(lease.resource_ids, lease.metadata.slots))
        return {limit: slots - held[limit] for limit, slots in taken.items() if slots > held[limit]}

    def _in_files(self) -> set[UUID]:
        return {UUID(file.stem) for file in self.storage_path.glob("*.json") if _is_lease(file)}


def _is_lease(file: Path) -> bool:
    return len(file.stem) == len(str(UUID(int=0))) and not file.name.startswith(".")


async def _taken() -> Surplus:
    """Return the slots of the courier's own locks that are taken."""
    db = provide_database_interface()
    limits = db.ConcurrencyLimitV2
    ours = sa.or_(*(limits.name.startswith(prefix, autoescape=True) for prefix in LOCK_PREFIXES))
    async with db.session_context() as session:
        rows = await session.execute(sa.select(limits.id, limits.active_slots).where(ours, limits.active_slots > 0))
        return dict(rows.tuples().all())


async def _give_back(lost: Surplus) -> None:
    db = provide_database_interface()
    limits = db.ConcurrencyLimitV2
    async with db.session_context(begin_transaction=True) as session:
        for limit, slots in lost.items():
            log.warning("%d slots of the limit %s were taken and held by no lease: they are free again", slots, limit)
            left = sa.case((limits.active_slots > slots, limits.active_slots - slots), else_=0)
            await session.execute(sa.update(limits).where(limits.id == limit).values(active_slots=left))
