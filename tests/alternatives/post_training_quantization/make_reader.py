"""Right answers in other words to `make_reader`, lab 05b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a CalibrationDataReader with a generator, rewound",
        """
def make_reader(splits, input_name, count, batch_size):
    from onnxruntime.quantization import CalibrationDataReader
    class Pictures(CalibrationDataReader):
        def __init__(self, x):
            self.x = x
            self.rewind()
        def rewind(self):
            self.feed = ({input_name: self.x[i : i + batch_size]} for i in range(0, len(self.x), batch_size))
        def get_next(self):
            return next(self.feed, None)
    return Pictures(splits["train"].subset(count).x)
""",
    ),
    Right(
        "one by one, validation pictures, drawn at random",
        """
def make_reader(splits, input_name, count, batch_size):
    x = splits["val"].x
    left = [x[i : i + 1] for i in np.random.default_rng().choice(len(x), count, replace=False)]
    class Reader:
        def get_next(self):
            return {input_name: left.pop()} if left else None
    return Reader()
""",
    ),
    Right(
        "a namespace, array_split",
        """
def make_reader(splits, input_name, count, batch_size):
    from functools import partial
    from types import SimpleNamespace
    parts = np.array_split(splits["train"].x[:count], -(-count // batch_size))
    return SimpleNamespace(get_next=partial(next, map(lambda part: {input_name: part}, parts), None))
""",
    ),
    Right(
        "a position, pictures scaled by hand, a key more than the method",
        """
class Reader:
    def __init__(self, images, name, size):
        self.images, self.name, self.size, self.at = images, name, size, 0
    def __len__(self):
        return len(self.images)
    def get_next(self):
        if self.at >= len(self):
            return None
        rows = self.images[self.at : self.at + self.size, None] / np.float32(255)
        self.at += self.size
        return {self.name: rows.astype("float32")}

def make_reader(splits, input_name, count, batch_size):
    return Reader(splits["train"].images[-count:], input_name, batch_size)
""",
    ),
]
