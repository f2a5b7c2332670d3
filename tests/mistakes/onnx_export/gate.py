"""Wrong answers to `gate`, lab 04."""

from tests.mistakes import Mistake

MISTAKES = [
    Mistake(
        "if kept",
        "def gate(x, bright, dark):\n    if x.mean() > 0.5:\n        return bright(x)\n    return dark(x)\n",
        says="data-dependent",
    ),
    Mistake(
        "one decision per batch",
        "def gate(x, bright, dark):\n    return torch.where(x.mean() > 0.5, bright(x), dark(x))\n",
        says="own mean",
    ),
    Mistake("decision per pixel", "def gate(x, bright, dark):\n    return torch.where(x > 0.5, bright(x), dark(x))\n", says="each pixel"),
    Mistake(
        "branches swapped",
        "def gate(x, bright, dark):\n    return torch.where(x.mean(dim=(1, 2, 3), keepdim=True) > 0.5, dark(x), bright(x))\n",
        says="wrong branch",
    ),
    Mistake(
        "decision per row",
        "def gate(x, bright, dark):\n    return torch.where(x.mean(dim=3, keepdim=True) > 0.5, bright(x), dark(x))\n",
        says="one decision for an image",
    ),
    Mistake(
        "most of the pixels",
        """\
def gate(x, bright, dark):
    return torch.where((x > 0.5).float().mean(dim=(1, 2, 3), keepdim=True) > 0.5, bright(x), dark(x))
""",
        says="own mean",
    ),
    Mistake(
        "input masked, not the answers",
        """\
def gate(x, bright, dark):
    m = (x.mean(dim=(1, 2, 3), keepdim=True) > 0.5).float()
    return bright(m * x) + dark((1 - m) * x)
""",
        says="neither bright(x) nor dark(x)",
    ),
    Mistake(
        "sorted by branch",
        "def gate(x, bright, dark):\n    m = x.mean(dim=(1, 2, 3)) > 0.5\n    return torch.cat([bright(x[m]), dark(x[~m])])\n",
        says="where they are",
    ),
    Mistake(
        "decisions in a Python list",
        """\
def gate(x, bright, dark):
    m = torch.tensor([image.mean() > 0.5 for image in x])
    return torch.where(m.view(-1, 1, 1, 1), bright(x), dark(x))
""",
        says="data-dependent",
    ),
    Mistake(
        "keepdim forgotten",
        "def gate(x, bright, dark):\n    return torch.where(x.mean(dim=(1, 2, 3)) > 0.5, bright(x), dark(x))\n",
        says="raised RuntimeError",
    ),
]
