"""Right answers in other words to `score`, lab 07b."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "no_grad as a decorator, a count divided",
        """
@torch.no_grad()
def score(model, images, labels):
    model.eval()
    hits = (model(images).max(dim=1).indices == labels).sum()
    return int(hits) / len(labels)
""",
    ),
    Right(
        "NumPy, whose float64 is a float",
        """
def score(model, images, labels):
    import numpy as np
    with torch.no_grad():
        logits = model.eval()(images).numpy()
    return np.mean(logits.argmax(-1) == labels.numpy())
""",
    ),
    Right(
        "scikit-learn, probabilities",
        """
def score(model, images, labels):
    from sklearn.metrics import accuracy_score
    model.train(False)
    with torch.inference_mode():
        probabilities = model(images).softmax(1)
    return accuracy_score(labels, probabilities.argmax(1))
""",
    ),
    Right(
        "in batches, and the mode put back",
        """
def score(model, images, labels):
    was_training, right = model.training, 0
    model.eval()
    with torch.set_grad_enabled(False):
        for x, y in zip(images.split(16), labels.split(16)):
            right += (model(x).topk(1).indices[:, 0] == y).sum().item()
    model.train(was_training)
    return right / labels.numel()
""",
    ),
]
