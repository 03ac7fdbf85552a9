"""Behaviours of real products and classes of products, as keys of a twin file, each with its source."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a product does (by key of the twin file), and where that is known from."""

    values: dict[str, float]
    source: str


BSLIB = "bslib 0.7 (MIT), bslib_database.csv: measured by the German efficiency guideline for storage"

DER_PRESETS: dict[str, Preset] = {
    "kostal_plenticore_5": Preset(values={"dead_time_s": 0.63, "time_constant_s": 0.60}, source=BSLIB),
    "kostal_plenticore_10": Preset(values={"dead_time_s": 0.61, "time_constant_s": 0.58}, source=BSLIB),
    "siemens_junelight": Preset(values={"dead_time_s": 1.6, "time_constant_s": 0.6}, source=BSLIB),
    "fronius_gen24": Preset(values={"dead_time_s": 1.6, "time_constant_s": 4.07}, source=BSLIB),
    "sma_data_manager": Preset(
        values={"dead_time_s": 0.15, "time_constant_s": 0.37},
        source="SMA Data Manager manual p. 12: set point processed in 150 ms, about 1 s to react: dead time + 2.3 tau",
    ),
    "sma_inverter_manager": Preset(
        values={"dead_time_s": 0.15, "dead_jitter_s": 1.0, "time_constant_s": 0.37},
        source="SMA STP60 manual p. 50: at most one command a second, so an order waits up to 1 s; else as above",
    ),
    "kaco_gridsave": Preset(
        values={"dead_time_s": 0.15, "time_constant_s": 0.2},
        source="KACO gridsave 50 TL3-S manual pp. 56-57: settling 1000 ms by default, 5 time constants",
    ),
    "solectria_xgi": Preset(
        values={"dead_time_s": 0.15, "time_constant_s": 0.1, "ramp_up_pct_s": 100.0, "ramp_down_pct_s": 100.0},
        source="Solectria XGI 1500 manual p. 26: normal ramp 100 %/s",
    ),
    "solaredge_lcd": Preset(
        values={"dead_time_s": 0.25, "time_constant_s": 0.3, "ramp_up_pct_s": 1.67, "ramp_down_pct_s": 1.67},
        source="victronenergy/dbus-fronius issue 6: with the firmware of displays no faster than 100 %/min",
    ),
    "solaredge_setapp": Preset(
        values={"dead_time_s": 0.25, "time_constant_s": 0.3},
        source="victronenergy/dbus-fronius issue 6: firmware 4 can do without a ramp; its times: project default",
    ),
    "hoymiles_hm": Preset(
        values={"dead_time_s": 18.0, "time_constant_s": 7.0},
        source="tbnobody/OpenDTU issue 571: nothing for 18 s, complete after 25 to 90 s",
    ),
    "ev_ac": Preset(
        values={"dead_time_s": 1.0, "dead_jitter_s": 4.0, "time_constant_s": 0.5, "start_s": 15.0},
        source="EVerest pull request 762: a new offer each 5 s; SmartEVSE issue 19: cars start after 10 to 40 s",
    ),
    "ev_ac_slow": Preset(
        values={"dead_time_s": 1.0, "dead_jitter_s": 4.0, "time_constant_s": 2.6, "start_s": 40.0},
        source="EVerest pull request 762: the offer is renewed every 5 s, some cars take 6 s to reduce: 2.3 tau",
    ),
    "ev_dc": Preset(
        values={"dead_time_s": 0.25, "time_constant_s": 0.1, "ramp_up_pct_s": 20.0, "ramp_down_pct_s": 20.0},
        source="EVerest pull request 1999: 25 A/s (IEC 61851-23 asks for 20 A/s or more); of a charger of 125 A",
    ),
    "field_mean": Preset(
        values={"dead_time_s": 0.25, "time_constant_s": 0.31},
        source="BATRIES fig. 2: control systems of 4 vendors in the field within 5 % after 1.173 s on average: 3 tau",
    ),
    "cec_slow": Preset(
        values={"dead_time_s": 1.0, "time_constant_s": 3.9},
        source="BATRIES: all but one of 59 listed control systems answer in less than 10 s: the slowest of them",
    ),
}
"""What the sources tell and no key can say: an inverter that stops for a minute when its control is enabled (SolarEdge,
evcc issue 31120: fault `restart` with 60 s), soft start (Solectria, 2 %/s), stationary deviations in watts (bslib), and
a limit that its register forgets (Sigenergy-Local-Modbus issue 378)."""

METER_PRESETS: dict[str, Preset] = {
    "wattnode": Preset(
        values={"update_s": 1.0, "averaging_s": 5.0},
        source="WattNode Modbus manual: updates each second, means of 5 s unless set otherwise",
    ),
    "wattnode_1s": Preset(
        values={"update_s": 1.0, "averaging_s": 1.0}, source="WattNode Modbus manual: averaging can be set to 1 s"
    ),
    "pzem_004t": Preset(
        values={"update_s": 1.0, "averaging_s": 1.0}, source="PZEM-004T library issue 44: measures about once a second"
    ),
    "shelly_3em": Preset(
        values={"update_s": 1.0, "averaging_s": 1.0, "latency_s": 0.044},
        source="OpenDTU-OnBattery issue 2397: a new value each second at best, fetched within 44 ms",
    ),
    "dsmr5": Preset(values={"update_s": 1.0, "averaging_s": 1.0}, source="DSMR 5: the P1 port tells once a second"),
}

USUAL_PRESET = {"evse": "ev_ac"}
"""By kind of DER: what it behaves like unless the file says otherwise."""
