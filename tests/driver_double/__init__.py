"""A libcuda.so.1 of our own (cuda.c says what it does and what not), so that the real cuda-python, and the real PyCUDA where it is
installed, run our code on a machine without a GPU. Code over it runs in a process of its own, with the double on the loader's path."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def _installed(module: str) -> bool:
    try:  # "cuda" alone is a folder that several packages share
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


KINDS = [kind for kind, module in (("pycuda", "pycuda"), ("cuda-python", "cuda.bindings")) if _installed(module)]


def built() -> Path:
    """The folder with libcuda.so.1, compiled once for each state of the source. RuntimeError without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise RuntimeError("no C compiler: apt install gcc")
    source = b"".join(sorted(path.read_bytes() for path in [*HERE.glob("*.[ch]"), Path(__file__)]))
    folder = Path(tempfile.gettempdir()) / f"driver-double-{os.getuid()}-{hashlib.sha256(source).hexdigest()[:12]}"
    folder.mkdir(exist_ok=True)
    if not (folder / "libcuda.so.1").is_file():
        draft = folder / f"draft-{os.getpid()}-{threading.get_ident()}"
        flags = ["-std=gnu11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,-soname,libcuda.so.1"]
        subprocess.run([compiler, *flags, "-o", draft, HERE / "cuda.c", "-ldl", "-lpthread"], check=True)
        os.replace(draft, folder / "libcuda.so.1")
    return folder


def over_the_double() -> list[str]:
    """The bindings that can run over the double: those of this Python, and the PyCUDA that was built for it
    (tests/driver_double/pycuda.py)."""
    from tests.driver_double import pycuda

    return ["pycuda", *KINDS] if pycuda.folder() and "pycuda" not in KINDS else KINDS


def run(*arguments: str, gpus: int = 2, timeout: float = 120) -> subprocess.CompletedProcess:
    """``python arguments`` over the double."""
    from tests.driver_double import pycuda

    libraries, modules = [str(built()), os.environ.get("LD_LIBRARY_PATH")], [str(ROOT)]
    if "pycuda" in over_the_double() and "pycuda" not in KINDS:
        modules.append(str(pycuda.folder()))
        libraries.append(str(pycuda.libraries()))
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
        "DRIVER_DOUBLE_GPUS": str(gpus),
        "PYTHONPATH": os.pathsep.join(modules),
    }
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=timeout)
