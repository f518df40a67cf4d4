"""The devices Lightning can train on.

Run as `python -m automl.nets.devices` it prints them as JSON, so that a light process can ask without importing torch.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def found_devices() -> list[dict[str, Any]]:
    """Every accelerator of Lightning's registry, plug-ins' included, with whether it can be used and what it is."""
    from pytorch_lightning.accelerators import AcceleratorRegistry

    return [_describe(name, AcceleratorRegistry[name]["accelerator"]) for name in AcceleratorRegistry]


def _describe(name: str, accelerator: Any) -> dict[str, Any]:
    try:
        usable = bool(accelerator.is_available())
        count = int(accelerator.auto_device_count()) if usable else 0
        problem = ""
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        usable, count, problem = False, 0, f"{type(error).__name__}: {error}"
    title, memory = _card(name) if usable else ("", 0)
    return {
        "name": name,
        "usable": usable,
        "count": count,
        "title": title,
        "memory_bytes": memory,
        "problem": problem,
    }


def _card(name: str) -> tuple[str, int]:
    """What the first device calls itself, and its bytes of memory (0 where it does not say)."""
    import torch

    if name == "cuda":
        card = torch.cuda.get_device_properties(0)
        return str(card.name), int(card.total_memory)
    if name == "mps":
        return "Apple GPU", int(torch.mps.recommended_max_memory())
    if name == "xpu":
        intel = torch.xpu.get_device_properties(0)
        return str(intel.name), int(intel.total_memory)
    return "", 0


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(found_devices()) + "\n")
