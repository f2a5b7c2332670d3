"""Right answers in other words to `distillation_loss`, lab 03c."""

from tests.alternatives import Right

RIGHT: list[Right] = [
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
            total = total + alpha * temperature**2 * nn.functional.kl_div((s / temperature).log_softmax(0),
                (t / temperature).softmax(0), reduction="sum")
        if alpha < 1:
            total = total + (1 - alpha) * (s.logsumexp(0) - s[label])
    return total / len(student)
""",
    ),
]
