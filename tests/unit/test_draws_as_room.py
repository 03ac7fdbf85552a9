"""What storage draws by its own wish, as room for others: step by step, with one beside it that does not obey."""

from dataclasses import replace
from typing import Any

from pcs.model.limit import Direction, Limit
from pcs.model.site import DerKind
from tests import core_site as site

EXPORT = Limit(direction=Direction.EXPORT, value=8000.0)


def test_what_storage_draws_is_no_room_for_others_while_one_that_does_not_obey_uses_it_up() -> None:
    """Fault campaign, core and plant, seed 101345: 4 kW went on beside 25 kW that nobody could stop, 17 kW too many."""
    storage = site.der_spec(2, 5000.0, kind=DerKind.BATTERY, charge_w=4000.0)
    specs = (site.der_spec(0, 5000.0), site.der_spec(1, 30_000.0), storage)
    run = site.Run(site.policy(ders=specs, limits=(EXPORT,)), meet=False)
    given = {"charge_rating_w": 4000.0, "bounds_charge": True}
    run.step(
        site.meter_met(),
        *(site.der_met(n, rating_w=s.nameplate_w, **(given if n == 2 else {})) for n, s in enumerate(specs)),
    )
    caps_w: dict[str, float] = {}
    heard: list[Any] = []
    for tick in range(400):
        now_s = 0.1 * (tick + 1)
        made_w = (min(4000.0, caps_w.get("d0", 4000.0)), 25_000.0, -3900.0)
        import_w = 700.0 - sum(made_w)
        says = [site.der_says(w, now_s, n) for n, w in enumerate(made_w)]
        outcome = run.step(*heard, site.meter_says(import_w, now_s), *says, after_s=0.1)
        heard = [
            site.failed(c.limit_w, now_s + 0.05, 1)
            if c.der_id == "d1"
            else replace(site.done(c.limit_w, now_s + 0.05, int(c.der_id[1:])), charge_limit_w=c.charge_limit_w)
            for c in outcome.commands
        ]
        caps_w |= {c.der_id: c.limit_w for c in outcome.commands}
    assert caps_w["d0"] == 0.0
    assert caps_w["d2"] == 0.0
