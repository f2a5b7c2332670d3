"""PyCUDA for the driver double: ``python -m tests.driver_double.pycuda`` builds it from source, once, in about four minutes.

No CUDA toolkit is needed: the headers and libcurand come with PyTorch's wheels, and libcuda is the double. It goes into a folder of its own
and not into the environment, where a PyCUDA that was built against a double has no place. ``folder()`` says whether it is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from tests import driver_double

PINS = driver_double.ROOT / "requirements" / "pycuda.txt"


def version() -> str:
    """The version that is pinned for the course."""
    pin = next(line for line in PINS.read_text().splitlines() if line.startswith("pycuda=="))
    return pin.split("==")[1].split()[0]


def home() -> Path:
    """Where it is, or would be: one folder for each version of PyCUDA, Python and NumPy."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    numpy = metadata.version("numpy").split(".")[0]
    return cache / "edgekit" / f"pycuda-{version()}-{sys.implementation.cache_tag}-numpy{numpy}"


def folder() -> Path | None:
    return home() if (home() / "pycuda" / "__init__.py").is_file() else None


def cuda_of_torch() -> Path:
    """The folder with include/cuda.h that PyTorch's CUDA wheels bring. RuntimeError if there is none."""
    for file in metadata.files("nvidia-cuda-runtime") or []:
        if file.name == "cuda.h":
            return Path(file.locate()).parents[1]
    raise RuntimeError("no cuda.h: PyTorch's CUDA wheels (nvidia-cuda-runtime) bring it")


def _toolkit(folder: Path) -> Path:
    """What PyCUDA takes for a CUDA toolkit: it looks for a file named nvcc on the PATH, and for include/ and lib/ beside it."""
    torch = cuda_of_torch()
    for name in ("bin", "lib"):
        (folder / name).mkdir(parents=True)
    (folder / "bin" / "nvcc").touch()
    (folder / "include").symlink_to(torch / "include")
    (folder / "lib" / "libcuda.so").symlink_to(driver_double.built() / "libcuda.so.1")
    (folder / "lib" / "libcurand.so").symlink_to(next((torch / "lib").glob("libcurand.so.*")))
    return folder


def build() -> Path:
    """Build and install it, unless it is there. RuntimeError with the end of the log."""
    if folder():
        return folder()
    with tempfile.TemporaryDirectory() as temporary:
        toolkit, draft = _toolkit(Path(temporary) / "cuda"), Path(temporary) / "site"
        path = os.pathsep.join([str(toolkit / "bin"), os.environ["PATH"]])
        uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), path]))
        command = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
        python = ["--python", sys.executable] if uv else []
        # No cache: a wheel that was built like this is not one for others.
        done = subprocess.run(
            [*command, "install", "--no-cache-dir", *python, "--target", str(draft), "--require-hashes", "-r", str(PINS)],
            capture_output=True, text=True, env={**os.environ, "PATH": path},
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"PyCUDA was not built:\n{(done.stdout + done.stderr)[-1500:]}")
        home().parent.mkdir(parents=True, exist_ok=True)
        shutil.move(draft, home())
    return home()


if __name__ == "__main__":
    try:
        print(f"PyCUDA {version()} for the driver double: {build()}")
    except (RuntimeError, OSError, metadata.PackageNotFoundError) as error:
        sys.exit(f"{error}")
