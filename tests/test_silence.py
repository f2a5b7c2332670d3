"""Libraries made silent: nothing of what they say comes through, everything that fails does, and afterwards all is as it was."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings

import pytest

from edgekit.silence import captured, quiet

SAYS = """
import logging, os, sys, warnings
from edgekit.silence import quiet
logging.basicConfig(level=logging.DEBUG)

def chatter(word):
    print(word, "printed")
    print(word, "to stderr", file=sys.stderr)
    logging.getLogger("torch.onnx").warning(word + " logged")
    logging.getLogger("somebody").error(word + " logged")
    warnings.warn(word + " warned")
    os.write(1, (word + " from C++").encode())

with quiet():
    chatter("inside")
    with quiet():
        chatter("nested")
chatter("outside")
"""


def test_nothing_that_is_said_inside_comes_through():
    run = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, timeout=120, check=True)
    said = run.stdout + run.stderr
    assert "inside" not in said and "nested" not in said
    assert all(f"outside {how}" in said for how in ("printed", "to stderr", "logged", "warned", "from C++"))


def test_what_fails_is_raised_and_all_is_as_it_was():
    before = logging.root.manager.disable, list(warnings.filters), sys.stdout, os.fstat(1)
    with pytest.raises(ZeroDivisionError), quiet():
        print(1 / 0)
    assert (logging.root.manager.disable, list(warnings.filters), sys.stdout, os.fstat(1)) == before


@pytest.mark.parametrize("root", [logging.WARNING, logging.ERROR])
@pytest.mark.parametrize("descriptors", [True, False])
def test_what_was_said_is_kept_for_who_asks(caplog, descriptors, root):
    """Whatever the root logger lets through: lab 05b sets it to ERROR for all that follows in the notebook."""
    caplog.set_level(root)
    before = logging.getLogger("onnxscript").level
    with captured(descriptors) as log:
        print("printed")
        logging.getLogger("onnxscript.anything").warning("logged")
        warnings.warn("warned", stacklevel=1)
        if descriptors:
            os.write(1, b"from C++\n")
    said = log.getvalue()
    assert [word for word in ("printed", "logged", "UserWarning: warned") if word not in said] == []
    assert ("from C++" in said) == descriptors and logging.getLogger("onnxscript").level == before
