"""The check of `distillation_loss`, lab 03c."""

from __future__ import annotations

import numpy as np

from edgekit.checks import CheckFailed, Exercise, array, call, close, number, require


def inputs(rng: np.random.Generator) -> dict:
    cases = []
    for temperature, alpha in [(1.0, 1.0), (float(rng.uniform(3, 5)), 1.0), (float(rng.uniform(2, 8)), 0.0), (float(rng.uniform(3, 6)), float(rng.uniform(0.6, 0.9)))]:  # fmt: skip
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
        value = value.item() if isinstance(value, np.ndarray) and value.size == 1 else value
        require(
            not isinstance(value, float) or not np.isnan(value),
            "the loss is nan. kl_div takes the *logarithm* of its first argument only: a target that is a logarithm, too, gives nan, unless log_target=True says so. "
            "Were the two arguments exchanged?",
            "logarithm of both",
        )
        got, t, alpha = number(value, "the loss"), case["temperature"], case["alpha"]
        soft, hard = _parts(case, t, t)
        classes = case["student"].shape[1]

        def is_(weight, far, rest=1 - alpha, got=got, hard=hard):
            return close(got, weight * far + rest * hard, rtol=1e-3, atol=1e-5)

        if is_(alpha * t * t, soft):
            continue
        where = f"with temperature {t:.3g} and alpha {alpha:.3g} the loss is {got:.5g}, expected {alpha * t * t * soft + (1 - alpha) * hard:.5g}: "
        entropy = _entropy(case["teacher"] / t)
        require(
            not is_(alpha * t * t, soft + entropy) and not is_(alpha, soft + entropy),
            where
            + "that is the cross-entropy with the teacher's probabilities. The divergence is less than that by the teacher's own entropy, so that it is 0 where the two agree.",
            "cross-entropy for divergence",
        )
        if t != 1:
            require(
                not is_(alpha * t * t, _parts(case, 1 / t, 1 / t)[0]),
                where
                + "the logits are multiplied by the temperature. *Dividing* by it makes the probabilities softer.",
                "multiplied by T",
            )
            for weight in (t * t, t, 1.0):
                require(
                    not is_(alpha * weight, _parts(case, 1, t)[0]),
                    where
                    + "the temperature is on the teacher's side only. The student must be softened too, or it learns to be unsure.",
                    "temperature on one side",
                )
                require(
                    not is_(alpha * weight, _parts(case, t, 1)[0]),
                    where
                    + "the temperature is on the student's side only. The teacher's answer must be softened too: that is where the knowledge is.",
                    "temperature on one side",
                )
            require(
                not is_(alpha, soft),
                where
                + "the factor T squared is missing: the higher the temperature, the weaker the teacher would speak.",
                "T squared missing",
            )
            require(
                not is_(alpha * t, soft),
                where
                + "the soft part is multiplied by T once. The gradient shrinks with 1/T twice, so T squared makes up for it.",
                "T squared missing",
            )
            require(
                not is_(alpha / t / t, soft), where + "the soft part was divided by T squared.", "T squared missing"
            )
        require(
            not is_((1 - alpha) * t * t, soft, alpha) or alpha == 0.5,
            where + "alpha weighs the *soft* part, 1 - alpha the labels; yours are swapped.",
            "alpha swapped",
        )
        for factor in (t * t, 1.0):
            turned = _parts(case, t, t, turned=True)[0]
            require(
                not is_(alpha * factor, turned),
                where
                + "the divergence is the wrong way round: kl_div(input, target) wants the student's log-probabilities first and the teacher's probabilities second.",
                "KL turned round",
            )
            require(
                not is_(alpha * factor / classes, soft),
                where + "kl_div with reduction='mean' divides by the number of classes as well. Use 'batchmean'.",
                "reduction",
            )
            require(
                not is_(alpha * factor * len(case["labels"]), soft),
                where
                + "the soft part is summed over the batch; take the mean, so that the batch size does not matter.",
                "reduction",
            )
        require(
            not is_(t * t, soft, 1.0),
            where + "alpha is not used: the parts are weighed with alpha and 1 - alpha.",
            "alpha unused",
        )
        if alpha == 0:
            softened, twice = (
                _hard(logits, case["labels"]) for logits in (case["student"] / t, np.exp(_log_softmax(case["student"])))
            )
            require(
                not close(got, t * t * hard),
                where + "T squared belongs to the soft part only, and here the labels' part is multiplied by it.",
                "T squared on both parts",
            )
            require(
                not close(got, twice),
                where + "cross_entropy takes logits, because it has a softmax inside; yours was given probabilities.",
                "softmax twice",
            )
            require(
                not close(got, softened),
                where + "the labels' part must not know the temperature: cross-entropy of the plain logits.",
                "temperature in the labels' part",
            )
            raise CheckFailed(where + "with alpha = 0 only the cross-entropy with the labels is left.", "labels' part")
        raise CheckFailed(
            where
            + "the soft part is the divergence between the softened probabilities of teacher and student. kl_div takes *log*-probabilities as its first argument and probabilities as its second, both over dimension 1.",
            "wrong soft part",
        )
    for case, slope, into_teacher in zip(inputs["cases"], outputs["gradients"], outputs["teachers"], strict=True):
        require(
            slope is not None,
            "the value is right, but the student gets no gradient from it: was something detached or turned into a number?",
            "no gradient",
        )
        slope = array(slope, "the gradient", case["student"].shape)
        soft, hard = _slopes(case)
        for part, name in ((hard, "soft part"), (soft, "labels' part")):
            require(
                close(slope, soft + hard, rtol=1e-3, atol=1e-4) or not close(slope, part, rtol=1e-3, atol=1e-4),
                f"the value is right, but no gradient comes from the {name}: is it computed inside torch.no_grad(), from detached logits, or made a number by item()?",
                "no gradient",
            )
        require(
            close(slope, soft + hard, rtol=1e-3, atol=1e-4),
            "the value is right, but its gradient is not: is a part of it detached, or computed inside torch.no_grad()?",
            "wrong gradient",
        )
        require(not into_teacher, "the gradient also flows into the teacher's logits: a teacher inside the graph would be trained to agree with its student. Detach it.", "teacher trained")  # fmt: skip
    return "Both sides softened, T squared, mean over the batch, labels without temperature, and a gradient for the student only."


def _log_softmax(x: np.ndarray) -> np.ndarray:
    from scipy.special import log_softmax

    return log_softmax(x, axis=1)


def _entropy(logits: np.ndarray) -> float:
    return float(-(np.exp(_log_softmax(logits)) * _log_softmax(logits)).sum(1).mean())


def _hard(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(-_log_softmax(logits)[np.arange(len(labels)), labels].mean())


distillation_loss = Exercise("distillation_loss", inputs, probe, judge)
