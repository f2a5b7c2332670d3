"""Right answers to lab 03c, written in other ways."""

from tests.alternatives import Right

RIGHT = {
    "distillation_loss": [
        Right(
            "the formula, in float64",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    with torch.no_grad():
        p = torch.softmax(teacher.double() / temperature, -1)
    log_q = torch.log_softmax(student.double() / temperature, -1)
    soft = (p * (p.log() - log_q)).sum(-1).mean()
    hard = -torch.log_softmax(student.double(), -1)[range(len(labels)), labels].mean()
    return alpha * temperature * temperature * soft + (1 - alpha) * hard
""",
        ),
        Right(
            "KLDivLoss with two logarithms",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    kl = nn.KLDivLoss(reduction="batchmean", log_target=True)
    soft = kl((student / temperature).log_softmax(1), (teacher.detach() / temperature).log_softmax(1))
    return torch.lerp(nn.CrossEntropyLoss()(student, labels), temperature**2 * soft, alpha)
""",
        ),
        Right(
            "torch.distributions",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    from torch.distributions import Categorical, kl_divergence
    soft = kl_divergence(Categorical(logits=teacher.detach() / temperature), Categorical(logits=student / temperature))
    hard = -Categorical(logits=student).log_prob(labels)
    return (alpha * temperature**2 * soft + (1 - alpha) * hard).mean()
""",
        ),
        Right(
            "cross-entropy less the teacher's entropy",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    p = nn.functional.softmax(teacher.detach() / temperature, dim=1)
    entropy = -(p * p.log()).sum(dim=1).mean()
    soft = nn.functional.cross_entropy(student / temperature, p) - entropy
    return alpha * temperature**2 * soft + (1 - alpha) * nn.functional.nll_loss(student.log_softmax(1), labels)
""",
        ),
        Right(
            "a loop over the pictures, one part where the other has no weight, a tensor of one",
            """
def distillation_loss(student, teacher, labels, temperature, alpha):
    total = student.new_zeros(1)
    for s, t, label in zip(student, teacher.detach(), labels):
        if alpha:
            total = total + alpha * temperature**2 * nn.functional.kl_div((s / temperature).log_softmax(0), (t / temperature).softmax(0), reduction="sum")
        if alpha < 1:
            total = total + (1 - alpha) * (s.logsumexp(0) - s[label])
    return total / len(student)
""",
        ),
    ],
    "split_real": [
        Right(
            "scikit-learn",
            """
def split_real(groups, share, seed):
    from sklearn.model_selection import GroupShuffleSplit
    return next(GroupShuffleSplit(1, train_size=share, random_state=seed).split(groups, groups=groups))
""",
        ),
        Right(
            "Python's random, lists",
            """
def split_real(groups, share, seed):
    import random
    names = sorted(set(groups.tolist()))
    first = set(random.Random(seed).sample(names, round(share * len(names))))
    parts = [], []
    for i, group in enumerate(groups.tolist()):
        parts[group not in first].append(i)
    return parts
""",
        ),
        Right(
            "rounded up, pictures in the order of their groups, a list of arrays",
            """
def split_real(groups, share, seed):
    names, index = np.unique(groups, return_inverse=True)
    order = np.random.RandomState(seed).permutation(len(names))
    count = int(np.ceil(share * len(names)))
    return [np.concatenate([np.where(index == g)[0] for g in part]) for part in (order[:count], order[count:])]
""",
        ),
        Right(
            "torch, rounded down",
            """
def split_real(groups, share, seed):
    g = torch.from_numpy(groups)
    names = g.unique()
    chosen = names[torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))[: int(share * len(names))]]
    inside = torch.isin(g, chosen)
    return inside.nonzero().flatten(), (~inside).nonzero().flatten()
""",
        ),
        Right(
            "choice without replacement, the global generator seeded",
            """
def split_real(groups, share, seed):
    np.random.seed(seed)
    names = np.unique(groups)
    tuning = np.isin(groups, np.random.choice(names, int(share * len(names) + 0.5), replace=False)).nonzero()[0]
    return tuning, np.setdiff1d(np.arange(len(groups)), tuning)
""",
        ),
    ],
    "shift": [
        Right(
            "slices, picture by picture",
            """
def shift(images, most, rng):
    moved = np.zeros_like(images)
    height, width = images.shape[2:]
    for i, picture in enumerate(images):
        down, right = rng.integers(-most, most, 2, endpoint=True)
        moved[i, :, max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = picture[
            :, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)
        ]
    return moved
""",
        ),
        Right(
            "np.roll, what came back made black",
            """
def shift(images, most, rng):
    out = []
    for picture in images:
        d, r = int(rng.integers(-most, most + 1)), int(rng.integers(-most, most + 1))
        picture = np.roll(picture, (d, r), axis=(1, 2))
        picture[:, : max(d, 0)] = 0
        picture[:, :, : max(r, 0)] = 0
        if d < 0:
            picture[:, d:] = 0
        if r < 0:
            picture[:, :, r:] = 0
        out.append(picture)
    return out
""",
        ),
        Right(
            "scipy",
            """
def shift(images, most, rng):
    from scipy import ndimage
    moves = rng.choice(np.arange(-most, most + 1), size=(len(images), 2))
    return np.array([ndimage.shift(p, (0, *m), order=0, cval=0) for p, m in zip(images, moves)])
""",
        ),
        Right(
            "torch, one number for both moves",
            """
def shift(images, most, rng):
    n, _, h, w = images.shape
    padded = nn.functional.pad(torch.from_numpy(images), [most] * 4)
    draw = rng.integers((2 * most + 1) ** 2, size=n)
    return torch.stack([padded[i, :, a : a + h, b : b + w] for i, (a, b) in enumerate(zip(*np.divmod(draw, 2 * most + 1)))])
""",
        ),
        Right(
            "all at once, in float64",
            """
def shift(images, most, rng):
    n, _, h, w = images.shape
    padded = np.pad(images[:, 0].astype(float), ((0, 0), (most, most), (most, most)))
    y, x = np.floor(rng.random((2, n)) * (2 * most + 1)).astype(int)
    rows, columns = y[:, None] + np.arange(h), x[:, None] + np.arange(w)
    return padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]
""",
        ),
    ],
    "pseudo_labels": [
        Right(
            "NumPy, the largest subtracted",
            """
def pseudo_labels(logits, threshold):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    keep = np.max(p, axis=1) >= threshold
    return np.arange(len(logits))[keep], np.argmax(logits, axis=1)[keep]
""",
        ),
        Right(
            "torch's max, tensors",
            """
def pseudo_labels(logits, threshold):
    confidence, labels = torch.as_tensor(logits).softmax(-1).max(-1)
    index = (confidence >= threshold).nonzero().squeeze(1)
    return index, labels[index]
""",
        ),
        Right(
            "a loop in Python, lists",
            """
def pseudo_labels(logits, threshold):
    import math
    index, labels = [], []
    for i, row in enumerate(logits.tolist()):
        top = max(row)
        if 1 / sum(math.exp(v - top) for v in row) >= threshold:
            index.append(i)
            labels.append(row.index(top))
    return index, labels
""",
        ),
        Right(
            "in logarithms, one array of two rows",
            """
def pseudo_labels(logits, threshold):
    from scipy.special import log_softmax
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    index = np.where(log_p.max(1) >= np.log(threshold))[0]
    return np.stack([index, log_p.argmax(1)[index]])
""",
        ),
    ],
}  # fmt: skip
