"""How a number is brought to a scale that a network learns well, and back to the user's unit."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dnagpt.errors import InputError

_LOG10 = re.compile(r"log10\(x(?:\+([0-9.eE+-]+))?\)")


@dataclass(frozen=True)
class Transform:
    """One number column's way to the model: first the logarithm, if any, then `(x - mean) / deviation`.

    >>> doubling = Transform.parse("log10(x+0.1), zscore").fit([0.9, 9.9, 99.9])
    >>> [round(float(value), 6) for value in doubling.invert(doubling.apply([9.9]))]
    [9.9]
    """

    log10_offset: float | None = None
    """What is added before log10, in the user's unit; None for no logarithm."""
    zscore: bool = False
    """Whether mean and deviation are to be fitted on the training rows."""
    mean: float | tuple[float, ...] = 0.0
    """What is taken off, after the logarithm; one value a number where a field holds several."""
    deviation: float | tuple[float, ...] = 1.0
    """What is divided by, after the logarithm."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a declaration: `log10(x)`, `log10(x+0.1)`, `zscore`, or both with a comma.

        >>> Transform.parse("log10(x+1)").log10_offset
        1.0
        """
        transform = cls()
        for step in (part.strip() for part in text.split(",") if part.strip()):
            offset = _log10_offset(step)
            if offset is not None:
                transform = replace(transform, log10_offset=offset)
            elif step == "zscore":
                transform = replace(transform, zscore=True)
            else:
                raise InputError(
                    f"{step!r} is no transform of a number. Use `log10(x)`, `log10(x+0.1)`, `zscore`, or two of them."
                )
        return transform

    def fit(self, values: npt.ArrayLike, *, name: str = "number") -> Self:
        """Take mean and deviation from training values, where the transform asks for z-scores.

        Values are (rows,), or (rows, count) for a field of several numbers, each of which gets its own.
        """
        if not self.zscore:
            return self
        scaled = self._logarithm(np.asarray(values, dtype=np.float64), name)
        if not np.isfinite(scaled).all():
            raise InputError(
                f"The column {name!r} holds numbers that are not finite. Correct them or leave the rows out."
            )
        deviation = scaled.std(axis=0)
        if not (deviation > 0).all():
            raise InputError(
                f"The column {name!r} is the same number in every training row, so it has no z-score. "
                "Leave the column out of the template, or the zscore out of its transform."
            )
        return replace(self, mean=_plain(scaled.mean(axis=0)), deviation=_plain(deviation))

    def apply(self, values: npt.ArrayLike, *, name: str = "number") -> npt.NDArray[np.float64]:
        """Bring numbers from the user's unit to the model's."""
        return (self._logarithm(np.asarray(values, dtype=np.float64), name) - np.asarray(self.mean)) / np.asarray(
            self.deviation
        )

    def invert(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Bring numbers from the model's unit to the user's."""
        scaled = np.asarray(values, dtype=np.float64) * np.asarray(self.deviation) + np.asarray(self.mean)
        return scaled if self.log10_offset is None else 10.0**scaled - self.log10_offset

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Read the settings that `as_dict` gave; InputError names the one that is not understood.

        >>> Transform.from_dict({"mean": [1.0, 2.0], "deviation": 2.0})
        Transform(log10_offset=None, zscore=False, mean=(1.0, 2.0), deviation=2.0)
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
        }
        known = {item.name for item in fields(cls)}
        for name, value in values.items():
            numbers = value if isinstance(value, tuple) and name in ("mean", "deviation") else (value,)
            wanted = bool if name == "zscore" else (int, float)
            fits = all(isinstance(one, wanted) and isinstance(one, bool) == (wanted is bool) for one in numbers)
            if name not in known or not fits or (name == "deviation" and not min(numbers) > 0):
                raise InputError(
                    f"{name} = {value!r} is not understood. A transform has log10_offset, zscore, mean and deviation, "
                    "which is above 0."
                )
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Give the settings that differ from "leave the number as it is"."""
        shown: dict[str, Any] = {} if self.log10_offset is None else {"log10_offset": self.log10_offset}
        if self.zscore or (self.mean, self.deviation) != (0.0, 1.0):
            shown |= {"zscore": self.zscore, "mean": self.mean, "deviation": self.deviation}
        return shown

    def _logarithm(self, values: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
        if self.log10_offset is None:
            return values
        shifted = values + self.log10_offset
        if not (shifted > 0).all():
            worst = float(values.min())
            raise InputError(
                f"log10(x+{self.log10_offset:g}) of {name!r} has no value for {worst:g}. "
                "Add a larger offset, or correct the number."
            )
        return np.log10(shifted)


def _log10_offset(step: str) -> float | None:
    """The number added before the logarithm, or None for a step that is no logarithm."""
    logarithm = _LOG10.fullmatch(step.replace(" ", ""))
    try:
        offset = float(logarithm[1] or 0) if logarithm else None
    except ValueError:
        return None
    return offset if offset is not None and math.isfinite(offset) else None


def _plain(values: npt.NDArray[np.float64]) -> float | tuple[float, ...]:
    return float(values) if values.ndim == 0 else tuple(values.tolist())
