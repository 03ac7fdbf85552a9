"""What a Modbus exception says, in words: the same over TCP and RTU, for the links and for who takes frames apart."""

EXCEPTIONS = {  # MODBUS application protocol V1.1b3, section 7
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "no reply from the device behind the gateway",
}


def exception_words(code: int) -> str:
    """The code and what it means."""
    return f"exception {code}, {EXCEPTIONS.get(code, 'not in the standard')}"
