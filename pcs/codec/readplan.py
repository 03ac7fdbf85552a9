"""Points to the fewest reads: neighbours share a request, a hole is read along where that is cheaper than a request."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_READ = 125  # registers; MODBUS application protocol V1.1b3, section 6.3 (function 3)
HOLE_MAX = 16  # registers; 16 words at 9600 baud take 37 ms, about a request and a meter's turnaround (5-25 ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`count` registers from `address`."""

    address: int
    count: int

    @property
    def end(self) -> int:
        """The first address behind the block."""
        return self.address + self.count


def plan(points: Iterable[Block], *, max_count: int = MAX_READ, max_hole: int = HOLE_MAX) -> tuple[Block, ...]:
    """The fewest reads that cover all `points`, none of them split over two reads.

    From left to right each read takes in as many points as it can; for points on a line nothing needs fewer reads.

    Raises:
        ValueError: a point is empty or longer than one read.
    """
    reads: list[Block] = []
    for point in sorted(points, key=lambda block: (block.address, block.count)):
        if not 1 <= point.count <= max_count:
            raise ValueError(f"a point of {point.count} registers does not fit one read of 1..{max_count}")
        if reads:
            last = reads[-1]
            end = max(last.end, point.end)
            if point.address - last.end <= max_hole and end - last.address <= max_count:
                reads[-1] = Block(address=last.address, count=end - last.address)
                continue
        reads.append(point)
    return tuple(reads)
