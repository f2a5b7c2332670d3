"""Wrong answers to `export_streaming`, lab 03g."""

from tests.mistakes import Mistake


def _answer(
    inner="out, state = self.rnn(frames, state)",
    give="self.fc(out[:, -1]), state",
    takes="frames, state",
    example="(torch.zeros(1, 1, model.rnn.input_size), torch.zeros(1, 1, model.rnn.hidden_size))",
    names='["frames", "state"]',
    made='["logits", "next_state"]',
    more="",
):
    return f"""
class Step(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.rnn, self.fc = model.rnn, model.fc

    def forward(self, {takes}):
        {inner}
        return {give}

def export_streaming(model, path):
    torch.onnx.export(Step(model).eval(), {example}, path, input_names={names}, output_names={made}, dynamo=False{more})
"""


MISTAKES = [
    Mistake(
        "the model as it is",
        """\
def export_streaming(model, path):
    frame = torch.zeros(1, 1, model.rnn.input_size)
    torch.onnx.export(model, (frame,), path, input_names=["frames"], output_names=["logits"], dynamo=False)
""",
        says="begins with silence",
    ),
    Mistake("state not returned", _answer(give="self.fc(out[:, -1])", made='["logits"]'), says="go on where this call ended"),
    Mistake("state not passed to the GRU", _answer(inner="out, state = self.rnn(frames)", give="self.fc(out[:, -1]), state"), says="state"),
    Mistake("state multiplied by zero", _answer(inner="out, state = self.rnn(frames, state * 0)"), says="the GRU does not get it"),
    Mistake("old state returned", _answer(inner="out, new = self.rnn(frames, state)"), says="unchanged"),
    Mistake(
        "outputs for state",
        _answer(inner="out, state = self.rnn(frames, state)", give="self.fc(out[:, -1]), out[0]"),
        says="must go in again",
    ),
    Mistake("default names", _answer(names="None", made="None"), says="['frames', 'state']"),
    Mistake("names swapped", _answer(made='["next_state", "logits"]'), says="in this order"),
    Mistake("the state's name twice", _answer(made='["logits", "state_out"]'), says="next_state"),
    Mistake(
        "a whole word as example",
        _answer(example="(torch.zeros(1, 47, model.rnn.input_size), torch.zeros(1, 1, model.rnn.hidden_size))"),
        says="one frame at a time",
    ),
    Mistake("softmax", _answer(give="self.fc(out[:, -1]).softmax(-1), state"), says="softmax"),
    Mistake("all frames' logits", _answer(give="self.fc(out), state"), says="last frame"),
    Mistake(
        "fresh weights",
        _answer().replace(
            "self.rnn, self.fc = model.rnn, model.fc", "self.rnn, self.fc = nn.GRU(65, model.rnn.hidden_size, batch_first=True), model.fc"
        ),
        says="passed in",
    ),
]
