"""Right answers in other words to `pack_2_4`, lab 07c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "loops",
        """
def pack_2_4(weight):
    rows, columns = weight.shape
    values, indices = np.zeros((rows, columns // 2), np.float32), np.zeros((rows, columns // 2), np.uint8)
    for r in range(rows):
        for g in range(columns // 4):
            group = weight[r, 4 * g : 4 * g + 4]
            places = [i for i in range(4) if group[i] != 0]
            places = sorted((places + [i for i in range(4) if i not in places])[:2])
            values[r, 2 * g : 2 * g + 2] = group[places]
            indices[r, 2 * g : 2 * g + 2] = places
    return values, indices
""",
    ),
    Right(
        "topk in torch, a list of tensors",
        """
def pack_2_4(weight):
    groups = torch.from_numpy(weight).unflatten(1, (-1, 4))
    order = groups.abs().topk(2, dim=2).indices.sort(dim=2).values
    return [groups.gather(2, order).flatten(1), order.flatten(1).to(torch.uint8)]
""",
    ),
    Right(
        "the two largest magnitudes, argpartition, a named tuple",
        """
from collections import namedtuple
Packed = namedtuple("Packed", "values indices")

def pack_2_4(weight):
    g = weight.reshape(-1, 4)
    where = np.sort(np.argpartition(np.abs(g), 1, axis=1)[:, 2:], axis=1)
    half = (weight.shape[0], weight.shape[1] // 2)
    return Packed(g[np.arange(len(g))[:, None], where].reshape(half), where.astype("u1").reshape(half))
""",
    ),
    Right(
        "a choice of six pairs",
        """
def pack_2_4(weight):
    import itertools
    pairs = np.array(list(itertools.combinations(range(4), 2)), np.uint8)
    groups = weight.reshape(len(weight), -1, 4)
    covers = np.stack([(groups != 0).sum(2) == (groups[..., p] != 0).sum(2) for p in pairs], 2)
    indices = pairs[covers.argmax(2)]
    return np.take_along_axis(groups, indices.astype(int), 2).reshape(len(weight), -1), indices.reshape(len(weight), -1)
""",
    ),
]
