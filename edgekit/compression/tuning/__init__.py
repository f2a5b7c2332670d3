"""Which file, engine, thread count and batch size for this model, on this machine? What the course teaches, tried out in one call.

    found = tuning.tune("model.onnx", "calib.npz", "labels.npy", max_drop=0.5)
    print(found)                     # a table, the Pareto front, the recommended file and the command that makes it

Half of the rows of the data calibrate, the other half judge: a file is never judged on what it was calibrated with. Olive and Model
Optimizer's command line are the tools beside it; they search further, and leave the question whether a difference is one to their user.
"""

from edgekit.compression.tuning.files import calibration, float16
from edgekit.compression.tuning.given import TuneError
from edgekit.compression.tuning.results import Row, Tuning
from edgekit.compression.tuning.trying import tune

__all__ = ["Row", "TuneError", "Tuning", "calibration", "float16", "tune"]
