"""From a PyTorch module to an ONNX file that is checked, described and compared with the original.

``to_onnx`` writes the file, ``report`` says what is in it, ``parity`` runs both and compares, ``load_model`` opens any
ONNX file with an error that names the file, what is wrong with it and what to do.
"""

from edgekit.export.comparing import BatchResult, Parity, batch_influence, parity
from edgekit.export.writing import ONE_FILE_LIMIT, to_onnx
from edgekit.graphs.reading import ExportError, Report, described, dtype_name, load_model, precision, report, signature
from edgekit.silence import quiet

__all__ = [
    "ONE_FILE_LIMIT",
    "BatchResult",
    "ExportError",
    "Parity",
    "Report",
    "batch_influence",
    "described",
    "dtype_name",
    "load_model",
    "parity",
    "precision",
    "quiet",
    "report",
    "signature",
    "to_onnx",
]
