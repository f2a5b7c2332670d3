"""Right answers in other words to `fold_batch_norm`, lab 03e."""

from tests.alternatives import Right

RIGHT: list[Right] = [
    Right(
        "torch's own",
        """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_weights
    w, b, g, s, m, v = map(torch.from_numpy, (weight, bias, gamma, beta, mean, variance))
    return fuse_conv_bn_weights(w, b, m, v, epsilon, g, s)
""",
    ),
    Right(
        "a loop over the channels, on copies",
        """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    weight, bias = weight.copy(), bias.copy()
    for c in range(len(weight)):
        factor = gamma[c] / (variance[c] + epsilon) ** 0.5
        weight[c] *= factor
        bias[c] = beta[c] + factor * (bias[c] - mean[c])
    return [weight, bias]
""",
    ),
    Right(
        "einsum, float64",
        """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    factor = gamma.astype(np.float64) * np.power(variance.astype(np.float64) + epsilon, -0.5)
    return np.einsum("oirc,o->oirc", weight, factor), beta - mean * factor + bias * factor
""",
    ),
    Right(
        "a diagonal matrix",
        """
def fold_batch_norm(weight, bias, gamma, beta, mean, variance, epsilon):
    d = np.diag(gamma / np.sqrt(variance + epsilon))
    return (d @ weight.reshape(len(weight), -1)).reshape(weight.shape), d @ (bias - mean) + beta
""",
    ),
]
