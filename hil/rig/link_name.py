"""Where a simulated device answers, as a twin file writes it, with the settings of the line."""

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

TCP, RTU_TCP, SERIAL = "tcp", "rtu+tcp", "serial"
PARITIES = ("N", "E", "O")
BAUD_MIN, BAUD_MAX = 300, 4_000_000  # what serial ports of gateways and test benches can be set to
BAUD_UNSAID = 9600  # what a bus that is not paced says of itself; a pty does not care
GAP_CHARACTERS = 3.5  # silence that ends a frame; MODBUS over serial line V1.02, section 2.5.1.1
GAP_MIN_S = 0.00175  # same section: the gap stays at 1.75 ms above 19200 baud


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkName:
    """One address. `baud` None: bytes leave at once; else at that speed, each with `bits_per_byte` bits."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    baud: int | None = None
    parity: str = "N"
    stopbits: int = 1

    @property
    def bits_per_byte(self) -> int:
        """Start bit, eight data bits, parity if any, stop bits."""
        return 9 + (self.parity != "N") + self.stopbits

    @property
    def character_s(self) -> float:
        """How long one byte takes on the line; 0 where it is not paced."""
        return self.bits_per_byte / self.baud if self.baud else 0.0

    @property
    def gap_s(self) -> float:
        """The silence that ends a frame."""
        if self.baud is None or self.baud > 19200:
            return GAP_MIN_S
        return GAP_CHARACTERS * self.character_s

    @property
    def is_rtu(self) -> bool:
        """Whether frames end in a CRC and silence, or begin with a length."""
        return self.scheme != TCP

    @property
    def shared(self) -> bool:
        """Whether a second device with the same link means the same bus; port 0 is a free one for each."""
        return self.scheme == SERIAL or self.port != 0

    @property
    def address(self) -> str:
        """The place alone, without the settings of the line."""
        return f"{self.scheme}://{self.path}" if self.scheme == SERIAL else f"{self.scheme}://{self.host}:{self.port}"

    def in_folder(self, folder: Path) -> "LinkName":
        """With a serial path that is relative to `folder` made absolute."""
        return replace(self, path=str((folder / self.path).absolute())) if self.scheme == SERIAL else self

    @property
    def for_site(self) -> str:
        """As a site file wants it: a serial port says its speed, a gateway keeps its own to itself."""
        if self.scheme == SERIAL:
            return str(replace(self, baud=self.baud or BAUD_UNSAID))
        return self.address

    def __str__(self) -> str:
        """As a twin file writes it."""
        given = []
        if self.baud is not None:
            given.append(f"baud={self.baud}")
        if self.parity != "N":
            given.append(f"parity={self.parity}")
        if self.stopbits != 1:
            given.append(f"stopbits={self.stopbits}")
        return self.address + ("?" + "&".join(given) if given else "")


def parse_link(text: str) -> LinkName:
    """Read a link.

    Raises:
        ValueError: with what is wrong with it, in words.
    """
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    line = _line(options)
    if parts.scheme == SERIAL:
        path = parts.netloc + parts.path
        if not path:
            raise ValueError("say where the port's symlink goes: serial:///tmp/bus0?baud=9600")
        return replace(line, scheme=SERIAL, path=path)
    if parts.scheme not in (TCP, RTU_TCP):
        raise ValueError("a link is tcp://HOST:PORT, rtu+tcp://HOST:PORT or serial:///PATH?baud=9600")
    if parts.scheme == TCP and options:
        raise ValueError("a tcp link has no line settings")
    host, colon, port = parts.netloc.rpartition(":")
    if parts.path or not colon or not host or ":" in host or not (port.isascii() and port.isdigit()):
        raise ValueError(f"write {parts.scheme}://HOST:PORT")
    if int(port) > 65535:
        raise ValueError("the port must be 65535 or less")
    return replace(line, scheme=parts.scheme, host=host, port=int(port))


def _line(options: dict[str, str]) -> LinkName:
    """The line settings of a link."""
    unknown = sorted(options.keys() - {"baud", "parity", "stopbits"})
    if unknown:
        raise ValueError(f"unknown line setting {unknown[0]}; there are baud, parity and stopbits")
    baud, parity, stopbits = options.get("baud"), options.get("parity", "N"), options.get("stopbits", "1")
    if baud is not None and not (baud.isascii() and baud.isdigit() and BAUD_MIN <= int(baud) <= BAUD_MAX):
        raise ValueError(f"baud must be a number from {BAUD_MIN} to {BAUD_MAX}")
    if parity not in PARITIES:
        raise ValueError("parity must be N, E or O")
    if stopbits not in ("1", "2"):
        raise ValueError("stopbits must be 1 or 2")
    return LinkName(scheme="", baud=int(baud) if baud else None, parity=parity, stopbits=int(stopbits))
