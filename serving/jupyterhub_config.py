"""A JupyterHub for a class on one machine: every student has a home of his own, and the course in it.

    jupyterhub -f serving/jupyterhub_config.py

For a trial it runs on this machine alone, without users of the system: any name, and the password in $EDGEKIT_HUB_PASSWORD. That keeps
    homes
apart by folders and not by rights: for a class take TLJH or Kubernetes, serving/README.md says how.
"""

import os
import shutil
import sys
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

c = get_config()  # noqa: F821
HOMES = Path(os.environ.get("EDGEKIT_HOMES", "homes")).resolve()
COURSE = Path(os.environ.get("EDGEKIT_ROOT", ".")).resolve()


class Homes(SimpleLocalProcessSpawner):
    """A process for each student, in a home that nobody else is told of, with a copy of the labs when it is new."""

    home_dir_template = str(HOMES / "{username}")

    def make_preexec_fn(self, name):
        home = Path(self.home_dir)
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        if not (home / "labs").exists():
            shutil.copytree(COURSE / "labs", home / "labs", ignore=shutil.ignore_patterns("work", ".ipynb_checkpoints"))
        return super().make_preexec_fn(name)


c.JupyterHub.spawner_class = Homes
c.JupyterHub.bind_url = os.environ.get("EDGEKIT_HUB_URL", "http://127.0.0.1:8000")
c.JupyterHub.hub_port = int(os.environ.get("EDGEKIT_HUB_PORT", "8081"))
c.JupyterHub.db_url = f"sqlite:///{HOMES}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(HOMES / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(HOMES / "proxy.pid")
c.JupyterHub.authenticator_class = "dummy"
if not os.environ.get("EDGEKIT_HUB_PASSWORD"):
    sys.exit("set EDGEKIT_HUB_PASSWORD: without a password everybody who reaches the hub is in")
c.DummyAuthenticator.password = os.environ["EDGEKIT_HUB_PASSWORD"]
c.Authenticator.allow_all = True
c.Spawner.default_url = "/lab/tree/labs"
c.Spawner.notebook_dir = "~"
c.Spawner.environment = {"EDGEKIT_ROOT": str(COURSE)}
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 180
HOMES.mkdir(parents=True, exist_ok=True)
