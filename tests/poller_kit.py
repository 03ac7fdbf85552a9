"""An inverter that the pollers can ask, without a wire: what a test wants of it is put on top."""

import asyncio

from pcs.model.fault import Fault
from pcs.model.reading import DerIdentified, DerReading
from tests.bench.bench_core import met


class StandIn:
    """It is always there, the same, and injects nothing."""

    async def identify(self) -> DerIdentified | Fault:
        found = met(0.0).observations[1]
        assert isinstance(found, DerIdentified)
        return found

    async def measure(self) -> DerReading | Fault:
        now_s = asyncio.get_running_loop().time()
        return DerReading(der_id="inv0", injection_w=0.0, sent_s=now_s, received_s=now_s)

    async def still_same(self) -> Fault | None:
        return None

    async def refresh(self) -> Fault | None:
        return None
