"""A small writer of SVG: lines, boxes and words in pixels, with the styles in one place for page and paper alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np

from hil.record.recording import FloatArray

STYLE = """\
.plot text{font:10.5px "DejaVu Sans",sans-serif;fill:#222}
.plot .t{fill:#444;font-size:9.5px}
.plot .h{font-weight:bold}
.plot line,.plot path,.plot rect,.plot polygon{fill:none;vector-effect:non-scaling-stroke}
.plot .frame{stroke:#555;stroke-width:.8}
.plot .grid{stroke:#ddd;stroke-width:.6}
.plot .resp{stroke:#0b4f8a;stroke-width:1.7}
.plot .pale{stroke:#8fb6d6;stroke-width:.9}
.plot .stim{stroke:#222;stroke-width:1.2;stroke-dasharray:6 2}
.plot .der{stroke:#b35900;stroke-width:1.4}
.plot .more{stroke:#6a3d9a;stroke-width:1.2;stroke-dasharray:2 2}
.plot .limit{stroke:#a31621;stroke-width:1.5}
.plot .tol{stroke:#a31621;stroke-width:1;stroke-dasharray:5 3}
.plot .beyond{fill:#fae6e2}
.plot .band5{fill:#e9eef0}
.plot .band2{fill:#cfdadf}
.plot .u{fill:#f1e3b5}
.plot .t0{stroke:#222;stroke-width:1;stroke-dasharray:1.5 2.5}
.plot .t90{stroke:#00795a;stroke-width:1.2;stroke-dasharray:8 2 2 2}
.plot .allowed{stroke:#a31621;stroke-width:1.3;stroke-dasharray:3 3}
.plot .judged{stroke:#7a5c00;stroke-width:1.3}
.plot .back{fill:#a31621}
.plot .dot{fill:#fff;stroke:#00795a;stroke-width:1.4}
.plot .view{stroke:#222;stroke-width:1}
"""


def style_of(svg: str) -> str:
    """A picture that carries its styles, for a reader without the page's."""
    head, mark, rest = svg.partition(">")
    return f"{head}{mark}<style>{STYLE}</style>{rest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """From values to pixels: `lo` comes at pixel `from_px`, `hi` at `to_px`."""

    lo: float
    hi: float
    from_px: int
    to_px: int

    def px(self, y: FloatArray | float) -> FloatArray:
        """Where values lie; what is outside comes to lie on the edge."""
        share = (np.asarray(y, dtype=np.float64) - self.lo) / (self.hi - self.lo)
        return np.asarray(self.from_px + np.clip(share, 0.0, 1.0) * (self.to_px - self.from_px))

    def at(self, value: float) -> float:  # noqa: D102
        return float(self.px(value))

    def holds(self, value: float) -> bool:
        """Whether a value lies inside."""
        return min(self.lo, self.hi) <= value <= max(self.lo, self.hi)


@dataclass(slots=True)
class Canvas:
    """A picture that is being drawn."""

    width_px: int
    height_px: int
    parts: list[str] = field(default_factory=list)

    def line(self, kind: str, x1_px: float, y1_px: float, x2_px: float, y2_px: float) -> None:  # noqa: D102
        self.parts.append(f'<line class="{kind}" x1="{_n(x1_px)}" y1="{_n(y1_px)}" x2="{_n(x2_px)}" y2="{_n(y2_px)}"/>')

    def box(self, kind: str, x_px: float, y_px: float, width_px: float, height_px: float) -> None:  # noqa: D102
        if width_px > 0.0 and height_px > 0.0:
            size = f'width="{_n(width_px)}" height="{_n(height_px)}"'
            self.parts.append(f'<rect class="{kind}" x="{_n(x_px)}" y="{_n(y_px)}" {size}/>')

    def dot(self, kind: str, x_px: float, y_px: float, size_px: float = 3.2) -> None:  # noqa: D102
        self.parts.append(f'<circle class="{kind}" cx="{_n(x_px)}" cy="{_n(y_px)}" r="{_n(size_px)}"/>')

    def wedge(self, kind: str, x_px: float, y_px: float) -> None:
        """A small triangle that stands on a point."""
        points = f"{_n(x_px)},{_n(y_px)} {_n(x_px - 4)},{_n(y_px - 8)} {_n(x_px + 4)},{_n(y_px - 8)}"
        self.parts.append(f'<polygon class="{kind}" points="{points}"/>')

    def text(self, said: str, x_px: float, y_px: float, anchor: str = "start", kind: str = "") -> None:
        """Words; `anchor`: start, middle or end."""
        extra = (f' text-anchor="{anchor}"' if anchor != "start" else "") + (f' class="{kind}"' if kind else "")
        self.parts.append(f'<text x="{_n(x_px)}" y="{_n(y_px)}"{extra}>{escape(said)}</text>')

    def sideways(self, said: str, x_px: float, y_px: float) -> None:
        """Words that read upwards, around a point."""
        self.parts.append(
            f'<text class="t" transform="translate({_n(x_px)} {_n(y_px)}) rotate(-90)" '
            f'text-anchor="middle">{escape(said)}</text>'
        )

    def curve(self, kind: str, x: FloatArray, y: FloatArray) -> None:
        """A line through points, broken where one is missing."""
        found = path_of(x, y)
        if found:
            self.parts.append(f'<path class="{kind}" d="{found}"/>')

    def svg(self, title: str) -> str:
        """The picture, with a title for who cannot see it."""
        size = f'viewBox="0 0 {self.width_px} {self.height_px}" width="{self.width_px}" height="{self.height_px}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" {size}><title>{escape(title)}</title>'
        return head + "".join(self.parts) + "</svg>"


def path_of(x: FloatArray, y: FloatArray) -> str:
    """Path data to a tenth of a pixel, each point from the one before; points that fall onto it are left out."""
    tenths = np.rint(np.stack([x, y], axis=1) * 10.0)
    words: list[str] = []
    last: Sequence[int] | None = None
    for px, py in tenths.tolist():
        if px != px or py != py:
            last = None
            continue
        here = (int(px), int(py))
        if last is None:
            words.append(f"M{here[0] / 10:g} {here[1] / 10:g}l")
        elif here != last:
            words.append(f"{_t(here[0] - last[0])} {_t(here[1] - last[1])} ")
        last = here
    return "".join(words).replace(" -", "-").replace("l ", "l").rstrip("l ")


def ticks(lo: float, hi: float, most: int) -> list[float]:
    """Round values inside a range, at most so many."""
    rough = (hi - lo) / max(most, 1)
    decade = 10.0 ** np.floor(np.log10(rough))
    step = next(float(decade * k) for k in (1.0, 2.0, 2.5, 5.0, 10.0) if decade * k >= rough * (1.0 - 1e-9))
    first = int(np.ceil(lo / step - 1e-9))
    return [k * step for k in range(first, int(np.floor(hi / step + 1e-9)) + 1)]


def tick_texts(values: Iterable[float]) -> list[str]:
    """Ticks as text, all with the same decimals."""
    given = list(values)
    step = min((b - a for a, b in pairwise(given)), default=1.0)
    places = next(k for k in range(8) if abs(step * 10**k - round(step * 10**k)) < 1e-6 or k == 7)
    return [f"{value + 0.0:.{places}f}".replace("-", "\u2212") for value in given]


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") or "0"


def _t(tenths: int) -> str:
    """Tenths of a pixel without what a reader does not need."""
    text = f"{tenths / 10:g}"
    return text.replace("0.", ".", 1) if abs(tenths) < 10 and tenths else text
