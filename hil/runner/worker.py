"""A process that plays orders for a campaign: told on its stdin, it tells on its stdout. Started by `hil.runner.crew`.

When its stdin ends, whoever started it is gone: it ends at once, and what it was at is repeated by `hil resume`. Only
virtual rigs are played this way, so there is nothing to make safe.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from hil.profile.model import Case
from hil.record.folder import read_campaign
from hil.record.model import End
from hil.runner.bench import bench_maker
from hil.runner.play import Order
from hil.runner.script import State
from hil.runner.session import Ended, Entered, News, Stopped, Values, play_order
from hil.runner.stop import Stop

ORPHANED = 4
WAITING_MAX = 4  # orders; the crew gives one at a time

Facts = Mapping[str, Any]


def to_facts(news: News | Ended | Stopped) -> dict[str, Any]:
    """News as a line of JSON carries it."""
    match news:
        case Entered():
            return {"state": news.state.value, "rig_s": news.rig_s}
        case Values():
            return {"values": dict(news.values), "rig_s": news.rig_s}
        case Stopped():
            return {"stopped": news.is_safe}
        case Ended():
            return {
                "end": news.end.value,
                "reason": news.reason,
                "troubles": list(news.troubles),
                "is_safe": news.is_safe,
                "taken_s": news.taken_s,
            }


def to_news(facts: Facts) -> News | Ended | Stopped:
    """The news that a line carries."""
    if "values" in facts:
        return Values(rig_s=facts["rig_s"], values=facts["values"])
    if "state" in facts:
        return Entered(state=State(facts["state"]), rig_s=facts["rig_s"])
    if "stopped" in facts:
        return Stopped(is_safe=facts["stopped"])
    return Ended(
        end=End(facts["end"]),
        reason=facts["reason"],
        troubles=tuple(facts["troubles"]),
        is_safe=facts["is_safe"],
        taken_s=facts["taken_s"],
    )


def work(folder: Path, rig: Path, maker: str, orders: IO[str], news: IO[str]) -> None:
    """Play every order that comes, until there are no more."""
    cases: dict[str, Case] = {case.hash: case for case in read_campaign(folder).cases}
    bench = bench_maker(maker)(rig)
    stop = Stop()
    waiting: queue.Queue[str] = queue.Queue(WAITING_MAX)
    threading.Thread(target=_listen, args=(orders, waiting), daemon=True).start()

    def tell(said: News | Ended | Stopped) -> None:
        news.write(json.dumps(to_facts(said), allow_nan=False) + "\n")
        news.flush()

    with stop.listening():
        while not stop.is_asked:
            try:
                order = json.loads(waiting.get(timeout=0.2))
            except queue.Empty:
                continue
            case = cases[order["case"]]
            tell(
                play_order(
                    bench, folder, Order(case=case, repeat=order["repeat"], attempt=order["attempt"]), tell, stop
                )
            )


def _listen(orders: IO[str], waiting: "queue.Queue[str]") -> None:
    for line in orders:
        waiting.put(line)
    os._exit(ORPHANED)


def main() -> None:
    """`python -m hil.runner.worker FOLDER RIG MAKER`; not for people."""
    folder, rig, maker = sys.argv[1:]
    news = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints, prints to people
    work(Path(folder), Path(rig), maker, sys.stdin, news)


if __name__ == "__main__":
    main()
