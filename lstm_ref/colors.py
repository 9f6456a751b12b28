"""One colour a symbol, the same in every figure, on white and on dark.

Each has a contrast of at least 3 with both; figures also tell lines apart by dashes and labels.
"""

__all__ = ["COLORS"]

#: Colour of a symbol as a hexadecimal string: the gates, the states, and what stands back.
COLORS = {
    "f": "#d55e00",
    "i": "#2f86c6",
    "candidate": "#00936b",
    "o": "#b8609a",
    "c": "#7a6a00",
    "h": "#6b6f76",
    "muted": "#8a8d93",
}
