"""The ``edgekit`` command, also as ``python -m edgekit``."""

from __future__ import annotations

import os
import signal
import sys
import threading

STOPPED = 130  # what a shell says of a command that Ctrl-C ended: 128 and the number of SIGINT
_HEARD: list[int] = []  # the signals that came


def _one_line(kind, error, trace) -> None:
    """Ctrl-C is no fault: one line says that it was heard, wherever it came, also while libraries are being imported."""
    if issubclass(kind, KeyboardInterrupt):
        print("edgekit: stopped", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _stop(number, frame) -> None:
    """Ctrl-C raises KeyboardInterrupt, as ever; but while a library of C++ is being loaded, nobody catches that: the process would
    abort."""
    _HEARD.append(number)
    while frame is not None:
        if frame.f_code.co_name == "create_module" and "importlib" in frame.f_code.co_filename:
            os.write(2, b"edgekit: stopped\n")
            os._exit(STOPPED)
        frame = frame.f_back
    raise KeyboardInterrupt


def _again(lost) -> None:
    """No exception leaves a callback (of a weak reference, of ``__del__``, of C): Python reports it and goes on. So that Ctrl-C is not
    lost with it, the signal is sent once more, when the callback is over."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        timer = threading.Timer(0.05, _interrupt)
        timer.daemon = True
        timer.start()
    else:
        sys.__unraisablehook__(lost)


def _interrupt() -> None:
    if hasattr(signal, "pthread_kill"):  # it also wakes a thread that waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def main() -> None:
    sys.excepthook = _one_line
    sys.unraisablehook = _again
    signal.signal(signal.SIGINT, _stop)
    try:
        from edgekit import cli

        cli.main(stopped=lambda: bool(_HEARD))
    except KeyboardInterrupt as stopped:
        _one_line(type(stopped), stopped, None)
        sys.exit(STOPPED)


if __name__ == "__main__":
    main()
