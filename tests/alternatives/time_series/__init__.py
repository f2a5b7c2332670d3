"""Right answers to lab 03g, written in other ways."""

from tests.alternatives.time_series import export_streaming, quantize_where_it_pays, receptive_field, stft, stream_step, streaming_budget

RIGHT = {
    "receptive_field": receptive_field.RIGHT,
    "stft": stft.RIGHT,
    "stream_step": stream_step.RIGHT,
    "export_streaming": export_streaming.RIGHT,
    "quantize_where_it_pays": quantize_where_it_pays.RIGHT,
    "streaming_budget": streaming_budget.RIGHT,
}
