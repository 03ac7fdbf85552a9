"""What people call a channel: a column, a sum of columns, or voltage times current of waveforms.

    poi_w                        one column of samples
    l1_w + l2_w + l3_w           several: the phases, and their sum
    va*ia + vb*ib + vc*ic        waveforms: true power per phase, and the sum
    rms(ia)                      a waveform without its voltage: RMS over each period, without a direction

A name that has one of `+ - * ( ) "` or a blank in it stands in double quotes; a column whose whole name is what was
said goes before any other reading.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

TOKEN = re.compile(r'\s*(?:"(?P<quoted>[^"]+)"|(?P<sign>[-+*()])|(?P<name>[^\s+*()"-]+))')
MAX_TERMS = 12  # four conductors, three meters


class TermKind(StrEnum):
    """How one term becomes a series."""

    SAMPLED = "sampled"
    TRUE_POWER = "v*i"
    RMS = "rms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of a channel: its columns (voltage first), and whether it is added or taken off."""

    kind: TermKind
    columns: tuple[str, ...]
    sign: int = 1

    @property
    def name(self) -> str:
        """The term as it was said."""
        return f"rms({self.columns[0]})" if self.kind is TermKind.RMS else "*".join(self.columns)


class ChannelError(Exception):
    """A channel is not in the recording, or is no channel at all; the message has the remedy."""


def parse_channel(said: str, columns: Collection[str]) -> tuple[Term, ...]:
    """The terms of what was said.

    Raises:
        ChannelError: a name that no column has, or a form that is none of those above.
    """
    if said in columns:
        return (Term(kind=TermKind.SAMPLED, columns=(said,)),)
    words, at = [], 0
    while at < len(said.rstrip()):
        match = TOKEN.match(said, at)
        if match is None:
            raise _bad(said)
        words.append((match.group("sign") or "", match.group("quoted") or match.group("name") or ""))
        at = match.end()
    terms: list[Term] = []
    while words and len(terms) < MAX_TERMS:
        sign = 1
        if words[0][0] in ("+", "-"):
            sign = -1 if words.pop(0)[0] == "-" else 1
        elif terms:
            raise _bad(said)
        terms.append(_term(words, said, columns, sign))
    if words or not terms:
        raise _bad(said)
    return tuple(terms)


def _term(words: list[tuple[str, str]], said: str, columns: Collection[str], sign: int) -> Term:
    """Take one term off the front of the words."""
    signs = [word[0] for word in words[:4]]
    if not words or signs[0]:
        raise _bad(said)
    if words[0][1] == "rms" and signs == ["", "(", "", ")"]:
        term = Term(kind=TermKind.RMS, columns=(_column(words[2][1], columns),), sign=sign)
        del words[:4]
    elif signs[1:2] == ["*"]:
        if signs[2:3] != [""]:
            raise _bad(said)
        term = Term(
            kind=TermKind.TRUE_POWER, columns=(_column(words[0][1], columns), _column(words[2][1], columns)), sign=sign
        )
        del words[:3]
    else:
        term = Term(kind=TermKind.SAMPLED, columns=(_column(words[0][1], columns),), sign=sign)
        del words[:1]
    return term


def _column(name: str, columns: Collection[str]) -> str:
    if name in columns:
        return name
    alike = [column for column in columns if column.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    close = get_close_matches(name, columns, n=1)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    raise ChannelError(f'no channel "{name}" ({hint}there are: {", ".join(columns)})')


def _bad(said: str) -> ChannelError:
    return ChannelError(f'"{said}" is no channel (name a column, or write a+b+c, v*i or rms(i))')
