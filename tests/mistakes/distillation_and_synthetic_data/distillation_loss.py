"""Wrong answers to `distillation_loss`, lab 03c."""

from tests.mistakes import Mistake

_LOSS = """
def distillation_loss(student, teacher, labels, temperature, alpha):
    soft = nn.functional.kl_div({student}, {teacher}, reduction={reduction})
    hard = nn.functional.cross_entropy({logits}, labels)
    return {result}
"""


def _loss(
    student="torch.log_softmax(student / temperature, dim=1)",
    teacher="torch.softmax(teacher.detach() / temperature, dim=1)",
    reduction='"batchmean"',
    logits="student",
    result="alpha * temperature**2 * soft + (1 - alpha) * hard",
):
    return _LOSS.format(student=student, teacher=teacher, reduction=reduction, logits=logits, result=result)


MISTAKES = [
    Mistake("temperature on the teacher only", _loss(student="torch.log_softmax(student, dim=1)"), says="teacher's side only"),
    Mistake("temperature on the student only", _loss(teacher="torch.softmax(teacher.detach(), dim=1)"), says="student's side only"),
    Mistake("T squared missing", _loss(result="alpha * soft + (1 - alpha) * hard"), says="T squared is missing"),
    Mistake("T instead of T squared", _loss(result="alpha * temperature * soft + (1 - alpha) * hard"), says="multiplied by T once"),
    Mistake(
        "one side only and no T squared",
        _loss(student="torch.log_softmax(student, dim=1)", result="alpha * soft + (1 - alpha) * hard"),
        says="teacher's side only",
    ),
    Mistake("reduction mean", _loss(reduction='"mean"'), says="batchmean"),
    Mistake("summed over the batch", _loss(reduction='"sum"'), says="batch size does not matter"),
    Mistake("logarithms on both sides", _loss(teacher="torch.log_softmax(teacher.detach() / temperature, dim=1)"), says="log_target=True"),
    Mistake(
        "arguments exchanged",
        _loss(student="torch.softmax(teacher.detach() / temperature, dim=1)", teacher="torch.log_softmax(student / temperature, dim=1)"),
        says="arguments exchanged",
    ),
    Mistake(
        "cross-entropy with soft targets",
        _loss(
            result=(
                "alpha * temperature**2 * nn.functional.cross_entropy(student / temperature, torch.softmax(teacher.detach() / temperature,"
                " dim=1)) + (1 - alpha) * hard"
            )
        ),
        says="teacher's own entropy",
    ),
    Mistake(
        "logits multiplied by the temperature",
        _loss(student="torch.log_softmax(student * temperature, dim=1)", teacher="torch.softmax(teacher.detach() * temperature, dim=1)"),
        says="*Dividing* by it",
    ),
    Mistake("T squared on both parts", _loss(result="temperature**2 * (alpha * soft + (1 - alpha) * hard)"), says="soft part only"),
    Mistake("softmax before the cross-entropy", _loss(logits="student.softmax(dim=1)"), says="softmax inside"),
    Mistake(
        "soft part without gradient",
        """\
def distillation_loss(student, teacher, labels, temperature, alpha):
    with torch.no_grad():
        ours, theirs = torch.log_softmax(student / temperature, 1), torch.softmax(teacher / temperature, 1)
        soft = nn.functional.kl_div(ours, theirs, reduction='batchmean')
    return alpha * temperature**2 * soft + (1 - alpha) * nn.functional.cross_entropy(student, labels)
""",
        says="no gradient comes from the soft part",
    ),
    Mistake("probabilities where logs belong", _loss(student="torch.softmax(student / temperature, dim=1)"), says="*log*-probabilities"),
    Mistake(
        "divergence turned round",
        _loss(student="torch.log_softmax(teacher.detach() / temperature, dim=1)", teacher="torch.softmax(student / temperature, dim=1)"),
        says="wrong way round",
    ),
    Mistake(
        "softmax over the batch",
        _loss(student="torch.log_softmax(student / temperature, dim=0)", teacher="torch.softmax(teacher.detach() / temperature, dim=0)"),
        says="over dimension 1",
    ),
    Mistake("alpha swapped", _loss(result="(1 - alpha) * temperature**2 * soft + alpha * hard"), says="swapped"),
    Mistake("alpha unused", _loss(result="temperature**2 * soft + hard"), says="expected"),
    Mistake("labels softened too", _loss(logits="student / temperature"), says="must not know the temperature"),
    Mistake("teacher not detached", _loss(teacher="torch.softmax(teacher / temperature, dim=1)"), says="Detach it"),
    Mistake(
        "a number instead of a tensor",
        _loss(result="float(alpha * temperature**2 * soft + (1 - alpha) * hard)"),
        says="turned into a number",
    ),
]
