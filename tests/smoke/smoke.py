"""Builds vgrad, installs it in each way that the README tells, and takes the tour with old and new versions.

python tests/smoke/smoke.py     make smoke; needs a network, or a pip that knows where wheels are
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environments import ROOT, do, environment, install, interpreters, tools, uv

TOUR = Path(__file__).with_name("tour.py")
DATA = {".py", ".css", ".html", ".js", ".csv", ".yaml", ".typed"}
MOST_WHEEL, MOST_SDIST = 800_000, 7_000_000


def main() -> None:
    """Everything; ends with exit code 1 and a line at the first that is not as it should be."""
    begun = time.monotonic()
    pythons = interpreters()
    with tempfile.TemporaryDirectory(prefix="vgrad-smoke-") as scratch, ThreadPoolExecutor(2) as pool:
        place = Path(scratch)
        wheel = built(place)
        pairs = [(version, lowest) for version in pythons for lowest in (True, False)]
        ready = {pair: environment(pythons[pair[0]], pair[0], lowest=pair[1]) for pair in pairs}
        tell(begun, f"built {wheel.name}; {len(pairs)} environments with Python {', '.join(pythons)}")
        tours = {pair: pool.submit(tour, inside, wheel, place) for pair, inside in ready.items()}
        for (version, lowest), done in tours.items():
            done.result()
            tell(begun, f"Python {version}, {'lowest' if lowest else 'newest'} versions: fine")
        others(ready[pairs[-1]], place)
        tell(begun, "uv tool install, pip install git+…: fine")


def tell(begun: float, line: str) -> None:
    """A line with the seconds so far."""
    print(f"{time.monotonic() - begun:4.0f} s  {line}", flush=True)


def expect(true: object, told: str) -> None:
    """Ends everything with `told` when it is not so."""
    if not true:
        raise SystemExit(told)


def built(place: Path) -> Path:
    """The wheel, built from the source distribution, as publishing does it; what both hold is looked at."""
    do(tools(), "-m", "build", "--outdir", place / "dist", ROOT)
    (wheel,), (sdist,) = (list((place / "dist").glob(ending)) for ending in ("*.whl", "*.tar.gz"))
    with zipfile.ZipFile(wheel) as archive:
        carried = {Path(name) for name in archive.namelist() if ".dist-info/" not in name}
    source = {path.relative_to(ROOT) for path in (ROOT / "vgrad").rglob("*") if path.suffix in DATA}
    expect(carried == source, f"{wheel.name}: other files than vgrad's: {sorted(map(str, carried ^ source))}")
    expect(wheel.stat().st_size < MOST_WHEEL, f"{wheel.name}: {wheel.stat().st_size:,} bytes")
    with tarfile.open(sdist) as archive:
        packed = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    if (ROOT / ".git").exists():
        tracked = set(do("git", "-C", ROOT, "ls-files").splitlines())
        missing = sorted(name for name in tracked - packed if (ROOT / name).exists())
        expect(not missing, f"{sdist.name}: without {', '.join(missing[:9])}; its tests need them")
    expect(sdist.stat().st_size < MOST_SDIST, f"{sdist.name}: {sdist.stat().st_size:,} bytes")
    return wheel


def tour(inside: Path, wheel: Path, place: Path) -> None:
    """Installs the wheel in an environment that has the rest, and takes the tour there."""
    install(inside, "--no-deps", "--reinstall" if uv() else "--force-reinstall", wheel)
    folder = place / inside.parents[1].name
    folder.mkdir()
    do(inside, "-I", TOUR, cwd=folder)


def others(inside: Path, place: Path) -> None:
    """Other ways to install: as a tool of uv, and from a repository."""
    tool = uv()
    if tool:
        homes = {"UV_TOOL_DIR": str(place / "tools"), "UV_TOOL_BIN_DIR": str(place / "bin")}
        do("env", *(f"{name}={value}" for name, value in homes.items()), tool, "tool", "install", "--quiet", ROOT)
        expect("vgrad" in do(place / "bin" / "vgrad", "--version"), "uv tool install gives no vgrad")
    if (ROOT / ".git").exists():
        target = place / "cloned"
        do(tools(), "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, f"git+file://{ROOT}")
        told = do(inside, "-c", f"import sys; sys.path.insert(0, {str(target)!r}); import vgrad; print(vgrad.__file__)")
        expect(str(target) in told, "pip install git+… gives no vgrad")


if __name__ == "__main__":
    sys.exit(main())
