"""Known answers: what the judge says of responses whose truth is known, through chains that it does not know.

A small part of `python -m tests.known_answers`, whose table is in docs/measuring.md. CRD-OLRT-1.
"""

import numpy as np
import pytest

from tests.known_answers.chains import CLOCK, SAMPLED, Chain
from tests.known_answers.table import WAVES, pooled, sampled_rows, wave_rows

RECORDS = 4  # of each of 6 shapes, at the DER and at the point: 48 for each chain


@pytest.mark.parametrize("chain", SAMPLED, ids=lambda chain: chain.name)
def test_from_sampled_power_the_median_error_is_about_a_third_of_the_width_or_less(chain: Chain) -> None:
    """Widths from 0.1 ms to 5 s. Where samples are narrow, noise and the clock decide: 1 ms for 0.1 % of noise."""
    rows = list(sampled_rows(chain, RECORDS + 4 * (chain.period_s == 1.0 and not chain.averaging_s)))
    edgy = pooled("all", [row for row in rows if "hunting" not in row.name])
    size_s = np.abs(edgy.error_s)
    narrow_s = 1.0 * chain.noise + 0.5 * CLOCK
    # two errors of half a sample each, of the step and of the crossing, have a median of 0.29 w between them
    assert np.median(size_s) <= 0.35 * chain.width_s + narrow_s
    assert np.max(size_s) <= 1.5 * chain.width_s + 10.0 * narrow_s
    whole = pooled("all", rows)
    assert whole.coverage >= 0.85  # of 48 records; the whole table asks for 94 %
    assert len(whole.invalid) <= 0.15 * len(whole.error_s)


@pytest.mark.parametrize("which", range(len(WAVES)), ids=[name for name, *_ in WAVES])
def test_from_waveforms_the_bias_is_below_2_ms_and_edges_are_inside_half_a_period(which: int) -> None:
    rows = list(wave_rows(which, 4))
    for row in rows:
        if row.edge:
            assert np.max(np.abs(row.error_s)) <= 0.5 * row.width_s, row.name
        elif "hunting" not in row.name:
            assert abs(float(np.mean(row.error_s))) <= 2e-3, row.name
        else:  # its final value is a mean over a part of a swing
            assert np.max(np.abs(row.error_s)) <= np.max(row.u95_s), row.name
    assert pooled("all", rows).coverage >= 0.85
    assert not pooled("all", rows).invalid
