"""Right answers in other words to `export_streaming`, lab 03g."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "the package's exporter, frames of any number",
        """
class Streaming(nn.Module):
    def __init__(self, whole):
        super().__init__()
        self.whole = whole

    def forward(self, frames, state):
        out, after = self.whole.rnn(frames, state)
        return self.whole.fc(after[-1]), after

def export_streaming(model, path):
    size = model.rnn.hidden_size
    torch.onnx.export(Streaming(model), (torch.zeros(1, 3, 65), torch.zeros(1, 1, size)), str(path), dynamo=False, opset_version=17,
                      input_names=["frames", "state"], output_names=["logits", "next_state"], dynamic_axes={"frames": {1: "time"}})
""",
    ),
    Right(
        "edgekit.export",
        """
def export_streaming(model, path):
    from edgekit import export
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru, self.head = model.rnn, model.fc
        def forward(self, frames, state):
            out, state = self.gru(frames, state)
            return self.head(out[:, 0]), state
    example = (torch.zeros(1, 1, 65), torch.zeros(1, 1, model.rnn.hidden_size))
    export.to_onnx(One().eval(), path, example, output_names=("logits", "next_state"), dynamic_batch=False, dynamo=False)
""",
    ),
    Right(
        "a cell by hand, from the GRU's weights",
        """
class Cell(nn.Module):
    def __init__(self, rnn, fc):
        super().__init__()
        self.cell = nn.GRUCell(rnn.input_size, rnn.hidden_size)
        self.cell.load_state_dict({name.removesuffix("_l0"): value for name, value in rnn.state_dict().items()})
        self.fc = fc

    def forward(self, frames, state):
        h = self.cell(frames[:, 0], state[0])
        return self.fc(h), h[None]

def export_streaming(model, path):
    torch.onnx.export(Cell(model.rnn, model.fc).eval(), (torch.zeros(1, 1, 65), torch.zeros(1, 1, model.rnn.hidden_size)), path,
                      input_names=["frames", "state"], output_names=["logits", "next_state"], dynamo=False)
""",
    ),
]
