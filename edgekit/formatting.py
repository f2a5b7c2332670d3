"""Plain data, and the small pieces of text and HTML that results share."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Mapping
from contextlib import contextmanager


def machine(env: Mapping) -> str:
    """The device and what most changes a time on it, as one line out of an environment."""
    device = env.get("device") or env.get("gpu") or env.get("cpu") or "unknown device"
    wanted = ("cores", "power_mode", "governor", "throttling", "python", "onnxruntime", "torch")
    parts = [f"{key.replace('_', ' ')} {env[key]}" for key in wanted if env.get(key)]
    # torch's own count is the process's; a Runner sets one for its calls, and that is what counts.
    said = {name: runner["threads"] for name, runner in (env.get("runners") or {}).items() if runner.get("threads")}
    settings = {key: value for key, value in (env.get("threads_set") or {}).items() if key != "torch" or not said}
    threads = ", ".join(f"{key}={value}" for key, value in {**settings, **said}.items())
    return ", ".join([str(device), *parts, f"threads set: {threads or 'none'}"])


def seconds(value: float) -> str:
    """A time to three digits, in the unit that suits it."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if abs(value) * scale >= 1:
            return f"{value * scale:.3g} {unit}" if value * scale < 999.5 else f"{value * scale:.0f} {unit}"
    return f"{value * 1e9:.3g} ns"


class Html(str):
    """Text that is HTML already: `table` takes it as it is and escapes everything else."""


def table(head, rows, caption: str = "") -> str:
    """An HTML table. Without a ``head`` the first cell of each row is its heading. A column without a name has an empty cell on top: an
    empty heading would be read out as one."""
    inside = lambda text: text if isinstance(text, Html) else html.escape(str(text))
    cell = lambda tag, text: f"<{tag} style='text-align:left'>{inside(text)}</{tag.split()[0]}>"
    tags = lambda row: ["td" if head or i else "th scope='row'" for i in range(len(row))]
    body = "".join(f"<tr>{''.join(map(cell, tags(row), row))}</tr>" for row in map(list, rows))
    top = "".join(cell("th scope='col'" if name else "td", name) for name in head)
    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{above}{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


class ShownAsTable:
    """A result that a notebook shows as a table: ``_table`` gives head, rows and perhaps a caption, ``_below`` the lines under it."""

    def _below(self) -> list[str]:
        return []

    def _repr_html_(self) -> str:
        below = "<br>".join(map(html.escape, self._below()))
        return table(*self._table()) + (f"<small>{below}</small>" if below else "")


class ShownAsText:
    """A result that a notebook shows as print() does: its lines have a layout."""

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def plain(value):
    """Plain data from a result, NumPy scalars and arrays included."""
    if callable(getattr(value, "to_dict", None)):
        return plain(value.to_dict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return plain(value.tolist()) if hasattr(value, "tolist") else value


def number_text(value: float) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def with_unit(value, unit: str) -> str:
    if isinstance(value, str):
        return value
    return f"{number_text(value)}{unit}" if unit in ("x", "%", "") else f"{number_text(value)} {unit}"


def one_line(error: object, most: int = 300) -> str:
    """What an error says, in one line of so many characters at most; its class where it says nothing."""
    return " ".join(str(error).split())[:most] or type(error).__name__


def short(value: Mapping) -> str:
    """The scalars of a dict, in one line."""
    return ", ".join(f"{k}={number_text(v)}" for k, v in value.items() if isinstance(v, (int, float, str)) and v != "")


@contextmanager
def still_going(what: str, after: float = 3.0):
    """Gives show(elapsed, left), both in seconds: from `after` seconds on, a bar that says how long `what` can still take.

    Silent where nobody watches: unless stderr is a terminal or this is a notebook.
    """
    bar = None

    def show(elapsed: float, left: float) -> None:
        nonlocal bar
        if elapsed < after or left <= 0 or not watched():
            return
        if bar is None:
            from tqdm.auto import tqdm

            bar = tqdm(total=1.0, leave=False, bar_format="{desc} {bar}")
        bar.set_description_str(f"{what}: {elapsed:.0f} s so far, at most {math.ceil(left)} s more", refresh=False)
        bar.n = elapsed / (elapsed + left)
        bar.refresh()

    try:
        yield show
        if bar is not None:
            bar.n = bar.total  # done before its time was up; short of its total a notebook would keep it, in red
    finally:
        if bar is not None:
            bar.close()


def watched() -> bool:
    """Is stderr a terminal, or this process the kernel of a notebook?"""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return sys.stderr.isatty() or type(shell).__name__ == "ZMQInteractiveShell"
