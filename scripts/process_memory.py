"""How much memory processes hold at most (on Linux): a command with all it starts, or this one."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")
EVERY_S = 0.1


def peak_bytes(command: Sequence[str]) -> int:
    """Run a command and watch it.

    Args:
        command: Program and arguments; what it prints is thrown away.

    Returns:
        The most memory that was resident at once, of all its processes together; a page that
        several of them share counts once.

    Raises:
        subprocess.CalledProcessError: The command failed.
    """
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(resident_bytes, descendants(process.pid))))
            time.sleep(EVERY_S)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak


def descendants(pid: int) -> list[int]:
    """List a process and what descends from it."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):  # it ended meanwhile
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def resident_bytes(pid: int) -> int:
    """Sum the resident pages of a process, each divided by the number of those that share it."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def forget_peak() -> int:
    """Let the peak of this process begin anew where the kernel can; give it, in bytes."""
    (PROC / "self/clear_refs").write_text("5")
    return own_peak_bytes()


def own_peak_bytes() -> int:
    """Tell the most that was resident at once since then; every page counts."""
    return _own_bytes("VmHWM")


def own_resident_bytes() -> int:
    """Tell what is resident now; every page counts."""
    return _own_bytes("VmRSS")


def _own_bytes(name: str) -> int:
    lines = (PROC / "self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
