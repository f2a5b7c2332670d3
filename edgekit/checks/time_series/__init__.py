"""Checks of lab 03g, time series."""

from edgekit.checks.time_series.export_streaming import export_streaming
from edgekit.checks.time_series.quantize_where_it_pays import quantize_where_it_pays
from edgekit.checks.time_series.receptive_field import receptive_field
from edgekit.checks.time_series.stft import stft
from edgekit.checks.time_series.stream_step import stream_step
from edgekit.checks.time_series.streaming_budget import streaming_budget

__all__ = ["export_streaming", "quantize_where_it_pays", "receptive_field", "stft", "stream_step", "streaming_budget"]
