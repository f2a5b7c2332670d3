"""PyCUDA for the driver double: ``python -m tests.driver_double.pycuda`` builds it from source, once, in about four minutes.

No CUDA toolkit is needed: the headers and libcurand are wheels of the registry, and libcuda is the double. It goes into a folder of its own
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

from edgekit import paths
from tests import driver_double

PINS = driver_double.ROOT / "requirements" / "pycuda.txt"


def version() -> str:
    """The version that is pinned for the course."""
    pin = next(line for line in PINS.read_text().splitlines() if line.startswith("pycuda=="))
    return pin.split("==")[1].split()[0]


def home() -> Path:
    """Where it is, or would be: one folder for each version of PyCUDA, Python and NumPy."""
    numpy = metadata.version("numpy").split(".")[0]
    return paths.cache() / f"pycuda-{version()}-{sys.implementation.cache_tag}-numpy{numpy}"


def folder() -> Path | None:
    return home() if (home() / "pycuda" / "__init__.py").is_file() else None


def libraries() -> Path:
    """The folder with the libcurand that PyTorch's wheels bring, to which PyCUDA is linked. RuntimeError if there is none."""
    for file in metadata.files("nvidia-curand") or []:
        if file.name.startswith("libcurand.so"):
            return Path(file.locate()).parent
    raise RuntimeError("no libcurand: it comes with PyTorch's CUDA wheels")


def _install(target: Path, *what: str, **environment: str) -> None:
    """``pip install --target``. No cache: a wheel that was built against the double is not one for others."""
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    command = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
    done = subprocess.run(
        [*command, "--no-cache-dir", "--target", str(target), *what], capture_output=True, text=True, env={**os.environ, **environment}
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(what)} could not be installed:\n{(done.stdout + done.stderr)[-1500:]}")


def _toolkit(folder: Path) -> Path:
    """What PyCUDA takes for a CUDA toolkit: it looks for a file named nvcc on the PATH, and for include/ and lib/ beside it."""
    runtime = metadata.version("nvidia-cuda-runtime")
    release = ".".join(runtime.split(".")[:2])
    headers = [f"nvidia-cuda-{part}=={release}.*" for part in ("crt", "profiler-api")]
    curand = f"nvidia-curand=={metadata.version('nvidia-curand')}"
    _install(folder, "--no-deps", f"nvidia-cuda-runtime=={runtime}", curand, *headers)
    found = next(folder.rglob("cuda.h")).parents[1]
    (found / "bin").mkdir(exist_ok=True)
    (found / "bin" / "nvcc").touch()
    (found / "lib" / "libcuda.so").symlink_to(driver_double.built() / "libcuda.so.1")
    (found / "lib" / "libcurand.so").symlink_to(next((found / "lib").glob("libcurand.so.*")))
    return found


def build() -> Path:
    """Build and install it, unless it is there. RuntimeError with the end of the log."""
    if folder():
        return folder()
    with tempfile.TemporaryDirectory() as temporary:
        toolkit, draft = _toolkit(Path(temporary) / "cuda"), Path(temporary) / "site"
        path = os.pathsep.join([str(toolkit / "bin"), os.environ["PATH"]])
        _install(draft, "--require-hashes", "-r", str(PINS), PATH=path)
        home().parent.mkdir(parents=True, exist_ok=True)
        shutil.move(draft, home())
    return home()


if __name__ == "__main__":
    try:
        print(f"PyCUDA {version()} for the driver double: {build()}")
    except (RuntimeError, OSError, metadata.PackageNotFoundError) as error:
        sys.exit(f"{error}")
