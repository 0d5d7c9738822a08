"""What the figures were measured on."""

from importlib.metadata import version
import os
from pathlib import Path
import platform


def describe() -> dict[str, str]:
    """Return the machine and the versions that matter."""
    return {
        "CPU": f"{_cpu_model()}, {os.process_cpu_count()} cores",
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": platform.python_version(),
        "bacpypes3": version("bacpypes3"),
        "Home Assistant": version("homeassistant"),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (
        line.partition(":")[2].strip()
        for line in lines
        if line.startswith(("model name", "Model"))
    )
    return next(models, platform.processor() or "unknown CPU")
