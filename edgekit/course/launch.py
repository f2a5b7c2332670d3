"""Starting JupyterLab on the landing notebook."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from edgekit import paths, waiting
from edgekit.course import course_map
from edgekit.course.catalog import CourseError

# JupyterLab asks every new user about a news feed; a class full of beginners should not have to answer that.
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},  # room for the labs' names
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}

NEEDED = ("torch", "onnxruntime")  # on a Jetson both come after `make lab`, from an index of their own


def jupyterlab(arguments: list[str]) -> int:
    """Run JupyterLab in labs/ until it ends; returns its exit status. ``arguments`` are passed on.

    Raises:
        CourseError: when the landing notebook is missing.
    """
    landing = course_map.landing_file()
    if not landing.is_file():
        raise CourseError(f"{landing} is missing: `edgekit release` makes it (in the students' edition: unpack it again)")
    if lacking := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        missing = f"{' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not installed"
        print(f"edgekit lab: {missing}: most labs stop at their first import. `edgekit doctor` says what to install.", file=sys.stderr)
    paths.work()
    waiting.install()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "lab" / "settings" / "overrides.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(OVERRIDES), encoding="utf-8")
        command = [sys.executable, "-m", "jupyterlab", f"--LabServerApp.app_settings_dir={settings.parent}"]
        command += [f"--ServerApp.root_dir={paths.root()}", "--LabApp.news_url=None", *arguments, str(landing)]
        # The kernels' `python` is the one of this environment, also when it was not activated.
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        try:
            return subprocess.call(command, env=environment)
        except KeyboardInterrupt:
            return 0
