"""The check of `distillation_loss`, lab 03c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, no_slip, number, require


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for temperature, alpha in [
        (1.0, 1.0),
        (float(rng.uniform(3, 5)), 1.0),
        (float(rng.uniform(2, 8)), 0.0),
        (float(rng.uniform(3, 6)), float(rng.uniform(0.6, 0.9))),
    ]:
        batch, classes = int(rng.integers(4, 9)), int(rng.integers(5, 12))
        cases.append(
            {
                "student": rng.normal(0, 2, (batch, classes)).astype(np.float32),
                "teacher": rng.normal(0, 4, (batch, classes)).astype(np.float32),
                "labels": rng.integers(0, classes, batch),
                "temperature": temperature,
                "alpha": alpha,
            }
        )
    return {"cases": cases}


def probe(answer, inputs: dict) -> dict:
    import torch

    values, gradients, teachers = [], [], []

    def run(student, teacher, labels, temperature, alpha):
        student.requires_grad_()
        teacher.requires_grad_()
        loss = answer(student, teacher, labels, temperature, alpha)
        if getattr(loss, "requires_grad", False) and loss.numel() == 1:
            loss.backward()
        return loss, student.grad, teacher.grad

    run.__name__ = "distillation_loss"
    for case in inputs["cases"]:
        tensors = [torch.from_numpy(case[key]) for key in ("student", "teacher", "labels")]
        loss, slope, into_teacher = call(run, *tensors, case["temperature"], case["alpha"])
        values.append(loss)
        gradients.append(slope)
        teachers.append(into_teacher is not None and bool(into_teacher.abs().max() > 0))
    return {"values": values, "gradients": gradients, "teachers": teachers}


def _slopes(case: dict) -> tuple[np.ndarray, np.ndarray]:
    """What the student's logits should get from the soft part and from the labels' part, each with its weight."""
    from scipy.special import softmax

    t, alpha, batch = case["temperature"], case["alpha"], len(case["labels"])
    soft = softmax(case["student"] / t, axis=1) - softmax(case["teacher"] / t, axis=1)
    hard = softmax(case["student"], axis=1) - np.eye(case["student"].shape[1])[case["labels"]]
    return alpha * t * soft / batch, (1 - alpha) * hard / batch


def _parts(case: dict, of_student: float, of_teacher: float, turned: bool = False):
    """(KL divergence at these temperatures, mean over the batch; cross-entropy) by torch.distributions."""
    import torch
    from torch.distributions import Categorical, kl_divergence

    student, teacher = torch.from_numpy(case["student"]), torch.from_numpy(case["teacher"])
    a, b = Categorical(logits=teacher / of_teacher), Categorical(logits=student / of_student)
    far = kl_divergence(b, a) if turned else kl_divergence(a, b)
    hard = -Categorical(logits=student).log_prob(torch.from_numpy(case["labels"]))
    return float(far.mean()), float(hard.mean())


def judge(inputs: dict, outputs: dict) -> str:
    for case, value in zip(inputs["cases"], outputs["values"], strict=True):
        _is_the_loss(value, case)
    for case, slope, into_teacher in zip(inputs["cases"], outputs["gradients"], outputs["teachers"], strict=True):
        _is_the_gradient(slope, case)
        require(
            not into_teacher,
            "the gradient also flows into the teacher's logits: a teacher inside the graph would be trained to agree with its student."
            " Detach it.",
            "teacher trained",
        )
    return "Both sides softened, T squared, mean over the batch, labels without temperature, and a gradient for the student only."


def _is_the_loss(value, case: dict) -> None:
    value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
    require(
        not isinstance(value, float) or not np.isnan(value),
        "the loss is nan. kl_div takes the *logarithm* of its first argument only: a target that is a logarithm, too, gives nan, unless"
        " log_target=True says so. Were the two arguments exchanged?",
        "logarithm of both",
    )
    got, t, alpha = number(value, "the loss"), case["temperature"], case["alpha"]
    soft, hard = _parts(case, t, t)

    def is_(weight: float, far: float, rest: float = 1 - alpha) -> bool:
        """Whether the loss is ``weight`` times a soft part ``far`` plus ``rest`` times the labels' part."""
        return close(got, weight * far + rest * hard, rtol=1e-3, atol=1e-5)

    if is_(alpha * t * t, soft):
        return
    said = (
        f"with temperature {t:.3g} and alpha {alpha:.3g} the loss is {got:.5g}, expected {alpha * t * t * soft + (1 - alpha) * hard:.5g}: "
    )
    no_slip(_slips_of_softening(case, soft, is_), said)
    no_slip(_slips_of_weighing(case, soft, is_), said)
    if alpha == 0:
        no_slip(_slips_of_the_labels_part(got, case, hard), said)
        raise CheckFailed(said + "with alpha = 0 only the cross-entropy with the labels is left.", "labels' part")
    raise CheckFailed(
        said
        + "the soft part is the divergence between the softened probabilities of teacher and student. kl_div takes *log*-probabilities as"
        " its first argument and probabilities as its second, both over dimension 1.",
        "wrong soft part",
    )


def _slips_of_softening(case: dict, soft: float, is_) -> list[tuple[bool, str, str]]:
    t, alpha = case["temperature"], case["alpha"]
    crossed = soft + _entropy(case["teacher"] / t)
    slips = [
        (
            is_(alpha * t * t, crossed) or is_(alpha, crossed),
            (
                "that is the cross-entropy with the teacher's probabilities. The divergence is less than that by the teacher's own entropy,"
                " so that it is 0 where the two agree."
            ),
            "cross-entropy for divergence",
        )
    ]
    if t == 1:
        return slips
    multiplied, of_teacher, of_student = (_parts(case, *ts)[0] for ts in ((1 / t, 1 / t), (1, t), (t, 1)))
    slips.append(
        (
            is_(alpha * t * t, multiplied),
            "the logits are multiplied by the temperature. *Dividing* by it makes the probabilities softer.",
            "multiplied by T",
        )
    )
    for weight in (t * t, t, 1.0):
        slips += [
            (
                is_(alpha * weight, of_teacher),
                "the temperature is on the teacher's side only. The student must be softened too, or it learns to be unsure.",
                "temperature on one side",
            ),
            (
                is_(alpha * weight, of_student),
                "the temperature is on the student's side only. The teacher's answer must be softened too: that is where the knowledge is.",
                "temperature on one side",
            ),
        ]
    return [
        *slips,
        (
            is_(alpha, soft),
            "the factor T squared is missing: the higher the temperature, the weaker the teacher would speak.",
            "T squared missing",
        ),
        (
            is_(alpha * t, soft),
            "the soft part is multiplied by T once. The gradient shrinks with 1/T twice, so T squared makes up for it.",
            "T squared missing",
        ),
        (is_(alpha / t / t, soft), "the soft part was divided by T squared.", "T squared missing"),
    ]


def _slips_of_weighing(case: dict, soft: float, is_) -> list[tuple[bool, str, str]]:
    t, alpha, (batch, classes) = case["temperature"], case["alpha"], case["student"].shape
    turned = _parts(case, t, t, turned=True)[0]
    slips = [
        (
            is_((1 - alpha) * t * t, soft, alpha) and alpha != 0.5,
            "alpha weighs the *soft* part, 1 - alpha the labels; yours are swapped.",
            "alpha swapped",
        )
    ]
    for factor in (t * t, 1.0):
        slips += [
            (
                is_(alpha * factor, turned),
                (
                    "the divergence is the wrong way round: kl_div(input, target) wants the student's log-probabilities first and the"
                    " teacher's probabilities second."
                ),
                "KL turned round",
            ),
            (
                is_(alpha * factor / classes, soft),
                "kl_div with reduction='mean' divides by the number of classes as well. Use 'batchmean'.",
                "reduction",
            ),
            (
                is_(alpha * factor * batch, soft),
                "the soft part is summed over the batch; take the mean, so that the batch size does not matter.",
                "reduction",
            ),
        ]
    return [*slips, (is_(t * t, soft, 1.0), "alpha is not used: the parts are weighed with alpha and 1 - alpha.", "alpha unused")]


def _slips_of_the_labels_part(got: float, case: dict, hard: float) -> list[tuple[bool, str, str]]:
    t, student, labels = case["temperature"], case["student"], case["labels"]
    return [
        (
            close(got, t * t * hard),
            "T squared belongs to the soft part only, and here the labels' part is multiplied by it.",
            "T squared on both parts",
        ),
        (
            close(got, _hard(np.exp(_log_softmax(student)), labels)),
            "cross_entropy takes logits, because it has a softmax inside; yours was given probabilities.",
            "softmax twice",
        ),
        (
            close(got, _hard(student / t, labels)),
            "the labels' part must not know the temperature: cross-entropy of the plain logits.",
            "temperature in the labels' part",
        ),
    ]


def _is_the_gradient(slope, case: dict) -> None:
    require(
        slope is not None,
        "the value is right, but the student gets no gradient from it: was something detached or turned into a number?",
        "no gradient",
    )
    slope = array(slope, "the gradient", case["student"].shape)
    soft, hard = _slopes(case)
    if close(slope, soft + hard, rtol=1e-3, atol=1e-4):
        return
    for part, name in ((hard, "soft part"), (soft, "labels' part")):
        require(
            not close(slope, part, rtol=1e-3, atol=1e-4),
            f"the value is right, but no gradient comes from the {name}: is it computed inside torch.no_grad(), from detached logits, or"
            " made a number by item()?",
            "no gradient",
        )
    raise CheckFailed(
        "the value is right, but its gradient is not: is a part of it detached, or computed inside torch.no_grad()?", "wrong gradient"
    )


def _log_softmax(x: np.ndarray) -> np.ndarray:
    from scipy.special import log_softmax

    return log_softmax(x, axis=1)


def _entropy(logits: np.ndarray) -> float:
    return float(-(np.exp(_log_softmax(logits)) * _log_softmax(logits)).sum(1).mean())


def _hard(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(-_log_softmax(logits)[np.arange(len(labels)), labels].mean())


distillation_loss = Exercise("distillation_loss", inputs, probe, judge)
