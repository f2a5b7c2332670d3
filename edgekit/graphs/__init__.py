"""Reading ONNX files: what is in one, what happened between two, and a picture of one. Writing them is ``edgekit.export``."""

from edgekit.graphs.comparing import GraphDiff, OnnxNode, diff
from edgekit.graphs.netron import Netron, netron
from edgekit.graphs.planning import Plan, plan
from edgekit.graphs.reading import ExportError, Report, dtype_name, load_model, precision, report, signature

__all__ = [
    "ExportError",
    "GraphDiff",
    "Netron",
    "OnnxNode",
    "Plan",
    "Report",
    "diff",
    "dtype_name",
    "load_model",
    "netron",
    "plan",
    "precision",
    "report",
    "signature",
]
