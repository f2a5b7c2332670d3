"""Wrong answers to `parity`, lab 04."""

from tests.mistakes import Mistake

_PARITY = """
def parity(model, path, batches):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    errors = {{}}
    for n in {batches}:
        x = np.random.default_rng(n).random((n, 1, 28, 28), dtype=np.float32)
        expected = model{mode}(torch.from_numpy(x)).detach().numpy()
        try:
            got = session.run(None, {{"input": x}})[0]
            errors[n] = float({error})
        except Exception:
            {on_error}
    return errors
"""


def _parity(batches="batches", mode=".eval()", error="np.abs(got - expected).max()", on_error='errors[n] = float("inf")'):
    return _PARITY.format(batches=batches, mode=mode, error=error, on_error=on_error)


MISTAKES = [
    Mistake("sign kept", _parity(error="(got - expected).min()"), says="*absolute*"),
    Mistake("signed maximum", _parity(error="(expected - got).max()"), says="*absolute*"),
    Mistake("mean instead of maximum", _parity(error="np.abs(expected - got).mean()"), says="*absolute*"),
    Mistake("first image only", _parity(error="np.abs(got[0] - expected[0]).max()"), says="over all images"),
    Mistake("mean over the images", _parity(error="np.abs(got - expected).max(axis=1).mean()"), says="over all images"),
    Mistake("train mode set", _parity(mode=".train()"), says="eval mode"),
    Mistake("train mode", _parity(mode=""), says="eval()"),
    Mistake("only a batch of one", _parity(batches="[1]"), says="asked were"),
    Mistake("failing batch left out", _parity(on_error="continue"), says="asked were"),
    Mistake("failure reported as 0", _parity(on_error="errors[n] = 0.0"), says="agrees with nothing"),
    Mistake("compares classes, not logits", _parity(error="(got.argmax(1) != expected.argmax(1)).mean()"), says="*absolute*"),
    Mistake("in percent", _parity(error="100 * np.abs(got - expected).max()"), says="per cent"),
]
