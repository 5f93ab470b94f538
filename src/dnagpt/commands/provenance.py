"""Where a result comes from: versions, seeds, data digests, settings."""

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any


def provenance(command: str, settings: Mapping[str, Any], data: Mapping[str, str]) -> dict[str, Any]:
    """Collect what somebody needs to make a result again; `data` maps a name to its SHA-256."""
    return {
        "command": command,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {
            "dnagpt": version("dnagpt"),
            "torch": version("torch"),
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
        "data": dict(data),
        "settings": dict(settings),
    }
