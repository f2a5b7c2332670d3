"""The ``edgekit`` command, also as ``python -m edgekit``.

Ctrl-C ends it as the signal SIGINT ends any command: a shell reads the exit status 130, and a loop in a script ends, too.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
import warnings

SAID = "edgekit: stopped\n"
_HEARD: list[int] = []  # Ctrl-C, as often as it was pressed
_SENT_BY_US: list[int] = []  # the signal that `_send` sends is no press


def _one_line(kind, error, trace) -> None:
    """Ctrl-C is no fault: one line says that it was heard, wherever it came. Python then ends itself by the signal."""
    if issubclass(kind, KeyboardInterrupt):
        warnings.simplefilter("ignore")  # "coroutine was never awaited" follows from it
        sys.stderr.write(SAID)
    else:
        sys.__excepthook__(kind, error, trace)


def _stop(number, frame) -> None:
    """Ctrl-C raises KeyboardInterrupt. While a module is imported, it waits until the import is over: C++ code that is being loaded
    would abort, and some libraries catch the exception and keep a module that is half made. A second press ends the command at once."""
    if _SENT_BY_US:
        _SENT_BY_US.clear()
    else:
        _HEARD.append(number)
    if not _in_an_import(frame):
        raise KeyboardInterrupt
    if len(_HEARD) > 1:
        os.write(2, SAID.encode())
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    _send_again()


def _in_an_import(frame) -> bool:
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _lost(report) -> None:
    """No exception leaves a callback (of a weak reference, of ``__del__``, of C): Python reports it and goes on. Ctrl-C is sent again.
    What a callback reports after Ctrl-C follows from it, such as a file that was never opened, and is not shown."""
    if issubclass(report.exc_type, KeyboardInterrupt):
        _send_again()
    elif not _HEARD:
        sys.__unraisablehook__(report)


def _send_again() -> None:
    _thread.start_new_thread(_send, ())  # threading.Thread takes a lock, which the interrupted code may hold


def _send() -> None:
    time.sleep(0.05)
    _SENT_BY_US.append(signal.SIGINT)
    if hasattr(signal, "pthread_kill"):  # it also wakes a thread that waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def main() -> None:
    sys.excepthook = _one_line
    sys.unraisablehook = _lost
    signal.signal(signal.SIGINT, _stop)
    from edgekit import cli

    cli.main(stopped=lambda: bool(_HEARD))


if __name__ == "__main__":
    main()
