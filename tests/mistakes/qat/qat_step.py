"""Wrong answers to `qat_step`, lab 07a."""

from tests.mistakes import Mistake

_STEP = """
def qat_step(weight, x, target, scale, bits, lr):
    w = weight.clone().requires_grad_()
    top = {top}
    q = {q}
    {loss}.backward()
    return {result}
"""


def _step(
    top="2 ** (bits - 1) - 1",
    q="torch.fake_quantize_per_tensor_affine(w, scale, 0, -top, top)",
    loss="nn.functional.mse_loss(x @ q.T, target)",
    result="(w - lr * w.grad).detach()",
):
    return _STEP.format(top=top, q=q, loss=loss, result=result)


MISTAKES = [
    Mistake(
        "plain round",
        _step(q="w + 0 * w.sum() + ((w / scale).round().clamp(-top, top) * scale - w).detach() - (w - w.detach())"),
        says="did not move",
    ),
    Mistake(
        "returns the rounded weight",
        _step(result="torch.fake_quantize_per_tensor_affine((w - lr * w.grad).detach(), scale, 0, -top, top)"),
        says="Small steps are lost",
    ),
    Mistake("steps from the rounded weight", _step(result="(q - lr * w.grad).detach()"), says="float weight that came in"),
    Mistake("float forward pass", _step(loss="nn.functional.mse_loss(x @ w.T, target)"), says="must compute with the rounded one"),
    Mistake("uphill", _step(result="(w + lr * w.grad).detach()"), says="uphill"),
    Mistake("sum instead of mean", _step(loss="((x @ q.T - target) ** 2).sum()"), says="*mean*"),
    Mistake("mean over the batch only", _step(loss="((x @ q.T - target) ** 2).sum(1).mean()"), says="*mean*"),
    Mistake("one bit too many", _step(top="2**bits - 1"), says="symmetric"),
    Mistake(
        "clipped weights move", _step(q="w + ((w / scale).round().clamp(-top, top) * scale - w).detach()"), says="beyond the grid moved"
    ),
    Mistake("lowest level one too low", _step(q="torch.fake_quantize_per_tensor_affine(w, scale, 0, -top - 1, top)"), says="symmetric"),
    Mistake("no clip", _step(q="w + ((w / scale).round() * scale - w).detach()"), says="were not clipped"),
    Mistake(
        "cut off, not rounded",
        _step(q="(lambda v: v + (v.trunc() - v).detach())((w / scale).clamp(-top, top)) * scale"),
        says="round to the nearest",
    ),
    Mistake(
        "integers in the forward pass",
        _step(q="torch.fake_quantize_per_tensor_affine(w, scale, 0, -top, top) / scale"),
        says="multiply them by the scale",
    ),
    Mistake("gradient returned", _step(result="w.grad"), says="wanted is the weight"),
    Mistake("result clipped", _step(result="(w - lr * w.grad).detach().clamp(-top * scale, top * scale)"), says="may lie beyond"),
    Mistake("Adam", _step(result="w - lr * w.grad.sign()"), says="as with Adam"),
    Mistake("weight changed in place", _step(result="weight.copy_((w - lr * w.grad).detach())"), says="changed in place"),
]
