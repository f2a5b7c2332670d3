"""Wrong answers to `make_reader`, lab 05b."""

from tests.mistakes import Mistake

_READER = """
def make_reader(splits, input_name, count, batch_size):
    pictures = {pictures}
    batches = {iterator}([{batch} for start in range(0, {stop}, batch_size)])
    class Reader:
        def get_next(self):
            {body}
    return Reader()
"""


def _reader(
    pictures='splits["train"].subset(count).x',
    iterator="iter",
    batch="pictures[start : start + batch_size]",
    stop="count",
    body="batch = next(batches, None); return None if batch is None else {input_name: batch}",
):
    return _READER.format(pictures=pictures, iterator=iterator, batch=batch, stop=stop, body=body)


MISTAKES = [
    Mistake("calibrates on the test split", _reader(pictures='splits["test"].subset(count).x'), says="test split"),
    Mistake(
        "all splits, test among them", _reader(pictures="np.concatenate([s.x for s in splits.values()])[::-1][:count]"), says="test split"
    ),
    Mistake(
        "0..255 as float", _reader(pictures='splits["train"].subset(count).images[:, None].astype(np.float32)'), says="255 times too large"
    ),
    Mistake("raw bytes", _reader(pictures='splits["train"].subset(count).images[:, None]'), says="255 times too large"),
    Mistake(
        "standardized once more",
        _reader(pictures='(splits["train"].subset(count).x - np.float32(0.1307)) / np.float32(0.3081)'),
        says="in that range already",
    ),
    Mistake(
        "noise for pictures",
        _reader(pictures="np.random.default_rng().random((count, 1, 28, 28), dtype=np.float32)"),
        says="none of the given splits",
    ),
    Mistake(
        "torch tensors", _reader(pictures='__import__("torch").from_numpy(splits["train"].subset(count).x)'), says="takes NumPy arrays"
    ),
    Mistake("StopIteration at the end", _reader(body="return {input_name: next(batches)}"), says="waits for None"),
    Mistake("the class, not an object", _reader().replace("return Reader()", "return Reader"), says="the class Reader"),
    Mistake("float64", _reader(pictures='splits["train"].subset(count).images[:, None] / 255'), says="float32"),
    Mistake("never ends", _reader(iterator="(lambda b: __import__('itertools').cycle(b))"), says="never end"),
    Mistake("None first", _reader(body="return None"), says="first get_next() returned None"),
    Mistake("last batch dropped", _reader(stop="count - batch_size"), says="last batch"),
    Mistake("entire split", _reader(pictures='splits["train"].x', stop="len(pictures)"), says="entire split"),
    Mistake("the same batch again and again", _reader(batch="pictures[:batch_size][: count - start]"), says="are different"),
    Mistake(
        "name hard-coded",
        _reader(body='batch = next(batches, None); return None if batch is None else {"input": batch}'),
        says="input name",
    ),
    Mistake(
        "a list of batches",
        'def make_reader(splits, input_name, count, batch_size):\n    x = splits["train"].subset(count).x\n    return [{input_name: x}]\n',
        says="get_next",
    ),
    Mistake("array without a dict", _reader(body="return next(batches, None)"), says="should be a dict"),
]
