"""The weights of the DNAGPT release (arXiv 2307.05628): `.pth` files read and written, nothing in them executed."""

from dnagpt.released.layout import VARIANTS, our_name
from dnagpt.released.reading import read_released
from dnagpt.released.writing import write_released

__all__ = ["VARIANTS", "our_name", "read_released", "write_released"]
