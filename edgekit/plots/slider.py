"""A slider with a name. Those of ipywidgets 8.1 have none: a screen reader says "slider, 40" and not what it sets.

It is the browser's own range input in a label, so arrows, Page Up and Down, Home and End move it.
"""

from __future__ import annotations

from collections.abc import Sequence

import anywidget
import traitlets

_ESM = """
export default {
  render({ model, el }) {
    const label = document.createElement("label"), name = document.createElement("span");
    const input = document.createElement("input"), shown = document.createElement("output");
    label.className = "edgekit-slider";
    input.dataset.lmSuppressShortcuts = "true";  // an arrow moves the slider, and not JupyterLab's cells
    label.style.setProperty("--name", model.get("name_width"));
    name.textContent = model.get("name");
    Object.assign(input, { type: "range", min: 0, max: model.get("texts").length - 1, step: 1 });
    const show = () => {
      input.value = model.get("index");
      shown.textContent = model.get("texts")[model.get("index")];
      input.setAttribute("aria-label", name.textContent);
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => { model.set("index", Number(input.value)); model.save_changes(); });
    model.on("change:index", show);
    show();
    label.append(name, input, shown);
    el.append(label);
  }
};
"""
_CSS = """
.edgekit-slider { display: flex; align-items: center; gap: 0.6em; max-width: 40em; margin: 2px;
  color: var(--jp-ui-font-color1, inherit); font-size: var(--jp-widgets-font-size, inherit); }
.edgekit-slider span { flex: 0 0 var(--name); text-align: right; }
.edgekit-slider input { flex: 1; min-width: 6em; accent-color: var(--jp-brand-color1, #1976d2); }
.edgekit-slider output { flex: 0 0 4.5em; }
"""


class Slider(anywidget.AnyWidget):
    """One of ``options``, in their order. ``value`` is the option itself; set to what lies between two of them, it takes the nearer one."""

    _esm, _css = _ESM, _CSS
    name = traitlets.Unicode().tag(sync=True)
    name_width = traitlets.Unicode().tag(sync=True)
    texts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    index = traitlets.Int().tag(sync=True)
    value = traitlets.Any()

    def __init__(self, name: str, options: Sequence[float], value: float, width: str = "9em"):
        """name: what is set, with its unit. options: numbers, ascending. width: of the name, so that several sliders stand in line."""
        self._options = [float(option) if option % 1 else int(option) for option in options]
        texts = [f"{option:,}" for option in self._options]
        super().__init__(name=name, name_width=width, texts=texts, value=value)

    @traitlets.validate("value")
    def _nearest(self, proposal):
        return min(self._options, key=lambda option: abs(option - proposal["value"]))

    @traitlets.observe("value")
    def _to_index(self, change):
        self.index = self._options.index(change["new"])

    @traitlets.observe("index")
    def _to_value(self, change):
        self.value = self._options[change["new"]]
