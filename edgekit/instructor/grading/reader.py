"""Reading a submission in a process of its own, with a deadline: no notebook takes the grader's time or memory.

Python's parser, its symbol tables and IPython's transformer are quick for what people write, and none of them promises so for
what can be written. A reader that takes too long is killed, and the submission is read again without any analysis: then all its
cells run in the sandbox instead of those that the answers need. So a slow notebook costs seconds and nobody's marks.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
import warnings

from edgekit.course.catalog import Lab, find
from edgekit.instructor.sandbox import pipes as frames
from edgekit.instructor.submissions import means, rebuild, shortcuts
from edgekit.instructor.submissions.rebuild import Rebuilt, Unreadable

CPU_SECONDS = 15  # of the processor, for one submission; an ordinary one takes a hundredth of a second
WALL_SECONDS = 90.0  # where the machine is busy
MEMORY = 3 * 2**30
SLOW = "reading the code took too long: all cells were run, not only what the answers need. An instructor should look at it"


class ReaderError(RuntimeError):
    """The process that reads was lost, and not because of what it read."""


class NotebookReader:
    """A process that reads notebooks. It is started when it is first needed, and again after it was lost."""

    def __init__(self):
        self.process: subprocess.Popen | None = None

    def read(self, lab: Lab, blob: bytes) -> tuple[Rebuilt, list[str]]:
        """The rebuilt notebook, and what an instructor should look at.

        Raises:
            Unreadable: when ``blob`` is no notebook, or one that cannot even be taken apart in time.
            ReaderError: when the process does not start.
        """
        for light in (False, True):
            reply = self._ask({"lab": lab.slug, "light": light}, blob)
            if reply is None:
                continue
            if "unreadable" in reply:
                raise Unreadable(reply["unreadable"])
            if "fault" in reply:
                raise ReaderError(reply["fault"])
            return _rebuilt(reply["rebuilt"]), [*reply["review"], *([SLOW] if light else [])]
        raise Unreadable(f"the file takes more than {CPU_SECONDS} s to read")

    def _ask(self, question: dict, blob: bytes) -> dict | None:
        """The answer; None when there is none in time, or no memory for it."""
        if self.process is None or self.process.poll() is not None:
            self.close()
            self.process = subprocess.Popen(
                [sys.executable, "-s", "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
            if not self._within(WALL_SECONDS):
                raise ReaderError("the process that reads notebooks did not start")
        end = time.monotonic() + WALL_SECONDS
        try:
            frames.send(self.process.stdin.fileno(), question, {"notebook": blob})
            if self._within(end - time.monotonic()):
                return json.loads(frames.receive(self.process.stdout.fileno())[1]["reply"])
        except (OSError, frames.Closed, ValueError):
            pass
        self.close()
        return None

    def _within(self, seconds: float) -> bool:
        """Whether something comes in time; at its start the process sends an empty frame."""
        if not select.select([self.process.stdout], [], [], max(0.0, seconds))[0]:
            self.close()
            return False
        if not hasattr(self.process, "greeted"):
            self.process.greeted = True
            with contextlib.suppress(OSError, frames.Closed):
                frames.receive(self.process.stdout.fileno())
                return True
            self.close()
            return False
        return True

    def close(self) -> None:
        """End the process."""
        if self.process:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                pipe.close()
            self.process = None

    def __enter__(self) -> NotebookReader:
        return self

    def __exit__(self, *exc) -> None:
        self.close()


def _rebuilt(fields: dict) -> Rebuilt:
    sets = ("missing", "stateful", "given")
    return Rebuilt(**{name: frozenset(value) if name in sets else value for name, value in fields.items()})


# ---------------------------------------------------------------------------------------------------------------- the process
def _reply(question: dict, blob: bytes) -> dict | None:
    lab = find(question["lab"])
    try:
        rebuilt = rebuild.rebuild(lab, blob, light=question["light"])
        review = [] if question["light"] else _notes(rebuilt.notebook, lab)
    except Unreadable as error:
        return {"unreadable": str(error)}
    except MemoryError:
        return None
    except Exception as error:
        return {"fault": f"{type(error).__name__}: {error}"}
    fields = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in vars(rebuilt).items()}
    return {"rebuilt": fields, "review": review}


def _notes(notebook: dict, lab: Lab) -> list[str]:
    return [*shortcuts.uses(notebook, lab), *means.notes(notebook, lab)]


def main() -> None:
    """Answer questions until nobody asks any more. The kernel ends what takes too long."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, which ends us
    answers, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a library prints is no answer
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    frames.send(answers, {})
    while True:
        try:
            question, given = frames.receive(0)
        except frames.Closed:
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + CPU_SECONDS + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        frames.send(answers, {}, {"reply": json.dumps(_reply(question, given["notebook"])).encode()})


if __name__ == "__main__":
    main()
