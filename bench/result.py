"""What a measurement says: a value beside floors measured in the same run."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """A value with its unit, the floors it is compared with, and how it came about."""

    name: str
    value: float
    unit: str
    floors: dict[str, float] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> dict[str, float]:
        """The value over each floor."""
        return {name: round(self.value / floor, 3) for name, floor in self.floors.items() if floor}

    def as_json(self) -> str:
        """One object on one line."""
        machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
        return json.dumps(
            {
                "name": self.name,
                "value": round(self.value, 3),
                "unit": self.unit,
                "floors": {name: round(floor, 3) for name, floor in self.floors.items()},
                "ratios": self.ratios,
                "conditions": {**self.conditions, **machine},
            }
        )

    def as_text(self) -> str:
        """For people."""
        lines = [f"{self.name}: {self.value:,.1f} {self.unit}"]
        lines += [
            f"  floor {name}: {floor:,.1f} {self.unit}, ratio {self.ratios[name]:.2f}"
            for name, floor in self.floors.items()
        ]
        return "\n".join([*lines, *(f"  {name}: {value}" for name, value in self.conditions.items())])


def percentile(values: Sequence[float], share: int) -> float:
    """The value below which `share` per cent lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
