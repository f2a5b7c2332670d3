"""Right answers in other words to `calibrate`, lab 07a."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "a shuffling DataLoader, the decorator",
        """
@torch.no_grad()
def calibrate(model, splits, batch_size):
    from torch.utils.data import DataLoader, TensorDataset
    model.train(False)
    for (x,) in DataLoader(TensorDataset(torch.from_numpy(splits["train"].x)), batch_size, shuffle=True):
        model(x)
""",
    ),
    Right(
        "the split's own loader, inference mode",
        """
def calibrate(model, splits, batch_size):
    model.eval()
    with torch.inference_mode():
        for x, _ in splits["train"].loader(batch_size):
            model(x)
""",
    ),
    Right(
        "slices, the mode put back, a result returned",
        """
def calibrate(model, splits, batch_size):
    x, was, i = splits["train"].x, model.training, 0
    model.eval()
    with torch.no_grad():
        while i < len(x):
            model(torch.tensor(x[i : i + batch_size]))
            i += batch_size
    model.train(was)
    return model
""",
    ),
    Right(
        "scaled bytes, even batches, gradients switched off and on",
        """
def calibrate(model, splits, batch_size):
    images = splits["train"].images
    batches = np.array_split(images, -(-len(images) // batch_size))
    model.eval()
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        for batch in batches:
            model(torch.from_numpy(batch).unsqueeze(1).float().div(255))
    finally:
        torch.set_grad_enabled(before)
""",
    ),
]
