"""What every op computes, as its formula: plain loops and float64 NumPy, slow and easy to check.

The letters are those of numbacnn.ops. A function takes what the op reads and returns what it writes.
"""

from __future__ import annotations

import math

import numpy as np

# Windows


def places(window, p, q):
    """(r, s, h, w) of every cell under the window at output (p, q); h and w may lie in the padding."""
    for r in range(window.kernel[0]):
        for s in range(window.kernel[1]):
            h = p * window.stride[0] - window.padding.top + r * window.dilation[0]
            w = q * window.stride[1] - window.padding.left + s * window.dilation[1]
            yield r, s, h, w


def cells(window, p, q, volume):
    """The places that lie on the picture."""
    for r, s, h, w in places(window, p, q):
        if 0 <= h < volume[1] and 0 <= w < volume[2]:
            yield r, s, h, w


def counted(window, p, q, volume, divisor):
    """What a sum is divided by: 0 nothing, 1 the places on the picture and its padding, 2 those on the picture."""
    if divisor == 0:
        return 1
    if divisor == 2:
        return len(list(cells(window, p, q, volume)))
    bottom, right = volume[1] + window.padding.bottom, volume[2] + window.padding.right
    return sum(h < bottom and w < right for _, _, h, w in places(window, p, q))


# Convolution and dense


def channels_of(k, weights, groups):
    """The input channels that filter k sees: its group's share."""
    group, depth = k // (weights.shape[3] // groups), weights.shape[2]
    return slice(group * depth, (group + 1) * depth)


def convolution(x, weights, bias, window, groups):
    """y_npqk = b_k + sum over r, s, c of x_nhwc weights_rsck."""
    y = np.zeros((len(x), *window.output_size(*x.shape[1:3]), weights.shape[3]))
    for p, q, k in np.ndindex(y.shape[1:]):
        channels = channels_of(k, weights, groups)
        y[:, p, q, k] = bias[k]
        for r, s, h, w in cells(window, p, q, x.shape):
            y[:, p, q, k] += x[:, h, w, channels] @ weights[r, s, :, k]
    return y


def convolution_backward_input(d_y, weights, window, groups, shape):
    """d_x_nhwc = the sum of d_y_npqk weights_rsck over every place that (h, w) has in a window."""
    d_x = np.zeros(shape)
    for p, q, k in np.ndindex(d_y.shape[1:]):
        channels = channels_of(k, weights, groups)
        for r, s, h, w in cells(window, p, q, shape):
            d_x[:, h, w, channels] += np.outer(d_y[:, p, q, k], weights[r, s, :, k])
    return d_x


def convolution_backward_weights(x, d_y, window, groups, shape):
    """d_weights_rsck = the sum of d_y_npqk x_nhwc over all pictures and positions."""
    d_weights = np.zeros(shape)
    for p, q, k in np.ndindex(d_y.shape[1:]):
        channels = channels_of(k, d_weights, groups)
        for r, s, h, w in cells(window, p, q, x.shape):
            d_weights[r, s, :, k] += d_y[:, p, q, k] @ x[:, h, w, channels]
    return d_weights


def dense(x, weights, bias):
    """y = x W + b."""
    return x @ weights + bias


# Pooling


def max_pool(x, window, positions):
    """y = the largest cell under the window, and which it was: r*S + s, the first where several are equal."""
    y = np.full((len(x), *positions, x.shape[3]), -np.inf)
    switches = np.zeros(y.shape, int)
    for n, p, q, c in np.ndindex(y.shape):
        for r, s, h, w in cells(window, p, q, x.shape):
            if x[n, h, w, c] > y[n, p, q, c]:
                y[n, p, q, c], switches[n, p, q, c] = x[n, h, w, c], r * window.kernel[1] + s
    return y, switches


def max_pool_backward(d_y, switches, window, shape):
    """Every d_y goes back to the cell that won."""
    d_x = np.zeros(shape)
    for n, p, q, c in np.ndindex(d_y.shape):
        for r, s, h, w in cells(window, p, q, shape):
            if switches[n, p, q, c] == r * window.kernel[1] + s:
                d_x[n, h, w, c] += d_y[n, p, q, c]
    return d_x


def sum_pool(x, window, divisor, positions):
    """y = the sum under the window, or its average."""
    y = np.zeros((len(x), *positions, x.shape[3]))
    for p, q in np.ndindex(y.shape[1:3]):
        total = sum(x[:, h, w] for _, _, h, w in cells(window, p, q, x.shape))
        y[:, p, q] = total / counted(window, p, q, x.shape, divisor)
    return y


def sum_pool_backward(d_y, window, divisor, shape):
    """Every d_y goes back to all cells under its window, shared out if it was an average."""
    d_x = np.zeros(shape)
    for p, q in np.ndindex(d_y.shape[1:3]):
        for _, _, h, w in cells(window, p, q, shape):
            d_x[:, h, w] += d_y[:, p, q] / counted(window, p, q, shape, divisor)
    return d_x


# Activations


def leaky_relu(x, slope):
    return np.where(x > 0, x, slope * x)


def elu(x, alpha):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def clip_to(x, low, high):
    return np.clip(x, low, high)


def gate(x, a, b):
    return x * sigmoid(a * x + b * x**3)


def gate_backward(d_y, x, a, b):
    share = sigmoid(a * x + b * x**3)
    return d_y * (share + x * share * (1 - share) * (a + 3 * b * x**2))


def below(x):
    """The chance that a normally distributed number is below x."""
    return np.vectorize(lambda v: math.erfc(-v / math.sqrt(2)) / 2, otypes=[float])(x)


def gelu_backward(d_y, x):
    return d_y * (below(x) + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi))


def rectifier_backward(d_y, positive, slope, rule):
    """A rectifier's three backward rules; `slope` is the derivative where the input was not positive (of a clip: within)."""
    derivative = np.where(positive, 1, slope)
    return {
        "standard": d_y * derivative,
        "deconvnet": np.maximum(d_y, 0),
        "guided": np.maximum(d_y, 0) * derivative,
    }[rule]


def prelu_backward_slopes(d_y, x):
    return (d_y * np.minimum(x, 0)).sum(0)


def sigmoid_backward(d_y, x):
    """1 / ((1 + e^x)(1 + e^-x)), the slide's form."""
    return d_y / ((1 + np.exp(x)) * (1 + np.exp(-x)))


def tanh_backward(d_y, x):
    """1 / cosh^2 x."""
    return d_y / np.cosh(x) ** 2


def softmax(x):
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def softmax_backward(d_y, y):
    """d_y times the Jacobian, diag(y) - y y^T, picture by picture."""
    return np.stack(
        [gradient @ (np.diag(row) - np.outer(row, row)) for gradient, row in zip(d_y, y, strict=True)]
    )


# Losses: one value for scores x (K) and class c


def one_hot(x, label):
    return (np.arange(len(x)) == label).astype(float)


def signs(x, label):
    return 2 * one_hot(x, label) - 1


def strongest_rival(x, label):
    return max((k for k in range(len(x)) if k != label), key=lambda k: x[k])


def max_margin(x, label, margin):
    return max(0, x[strongest_rival(x, label)] + margin - x[label])


def max_margin_gradient(x, label, margin):
    if max_margin(x, label, margin) == 0:
        return np.zeros(len(x))
    return one_hot(x, strongest_rival(x, label)) - one_hot(x, label)


LOSSES = {
    "square": lambda x, c, margin: ((x - one_hot(x, c)) ** 2).sum() / 2,
    "log": lambda x, c, margin: np.log(1 + np.exp(-signs(x, c) * x)).sum(),
    "hinge": lambda x, c, margin: np.maximum(0, margin - signs(x, c) * x).sum(),
    "log-softmax": lambda x, c, margin: np.log(np.exp(x).sum()) - x[c],
    "max-margin": max_margin,
}
LOSS_GRADIENTS = {
    "square": lambda x, c, margin: x - one_hot(x, c),
    "log": lambda x, c, margin: -signs(x, c) / (1 + np.exp(signs(x, c) * x)),
    "hinge": lambda x, c, margin: -signs(x, c) * (signs(x, c) * x < margin),
    "log-softmax": lambda x, c, margin: np.exp(x) / np.exp(x).sum() - one_hot(x, c),
    "max-margin": max_margin_gradient,
}


def log_softmax_direction(x, label, margin):
    """The gradient without its factor, one minus the class's probability."""
    return (
        LOSS_GRADIENTS["log-softmax"](x, label, margin) / np.delete(np.exp(x) / np.exp(x).sum(), label).sum()
    )


def log_direction(x, label, margin):
    """The gradient times one plus e to the smallest signed score, where that is above 0."""
    least = (signs(x, label) * x).min()
    return LOSS_GRADIENTS["log"](x, label, margin) * (1 + np.exp(least) if least > 0 else 1)


LOSS_DIRECTIONS = {"log": log_direction, "log-softmax": log_softmax_direction}


# Losses of one picture with more than one class as its target: (value, gradient)


def cross_entropy(x, target):
    whole = np.log(np.exp(x).sum())
    return (target * (whole - x)).sum(), np.exp(x - whole) * target.sum() - target


def smoothed(x, label, smoothing):
    return cross_entropy(x, (1 - smoothing) * one_hot(x, label) + smoothing / len(x))


def cross_entropy_of_pixels(x, labels, ignored):
    value, gradient = 0, np.zeros_like(x)
    seen = [p for p in range(len(x)) if labels[p] != ignored]
    for p in seen:
        own, gradient[p] = cross_entropy(x[p], one_hot(x[p], labels[p]))
        value += own / len(seen)
    return value, gradient / max(len(seen), 1)


def binary_cross_entropy(x, target):
    sure = 1 / (1 + np.exp(-x))
    return -(target * np.log(sure) + (1 - target) * np.log(1 - sure)).sum(), sure - target


def huber(x, target, delta, factor):
    value, gradient = 0, np.zeros_like(x)
    for k, error in enumerate(x - target):
        inside = abs(error) <= delta
        value += error**2 / 2 if inside else delta * (abs(error) - delta / 2)
        gradient[k] = error if inside else delta * np.sign(error)
    return factor * value, factor * gradient


# Randomness and dropout


def philox(counter, stream, key):
    """Philox4x32-10 (Salmon et al., 2011, figure 2 and section 3.3) on Python's integers: four words."""
    low = 0xFFFFFFFF
    c = [counter & low, counter >> 32, stream & low, stream >> 32]
    k = [key & low, key >> 32]
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [second >> 32 ^ c[1] ^ k[0], second & low, first >> 32 ^ c[3] ^ k[1], first & low]
        k = [(k[0] + 0x9E3779B9) & low, (k[1] + 0xBB67AE85) & low]
    return c


def dropout_mask(size, key, stream, probability):
    words = [word for group in range(-(-size // 4)) for word in philox(group, stream, key)]
    return np.array(words[:size]) / 2**32 >= probability


# Pictures and updates


def pixels(x, mean, scale, order):
    lines = x.reshape(*x.shape[:2], -1)
    return ((lines[..., order] - mean) * scale).reshape(x.shape)


def pixels_backward(d_y, scale, order):
    d_x = np.zeros((*d_y.shape[:2], scale.size))
    d_x[..., order] = d_y.reshape(d_x.shape) * scale
    return d_x.reshape(d_y.shape)


def augment(shape, images, top, left, flip, colour, fill):
    x = np.zeros(shape)
    for n, i, j in np.ndindex(shape[:3]):
        h, w = top[n] + i, left[n] + (shape[2] - 1 - j if flip[n] else j)
        inside = 0 <= h < images.shape[1] and 0 <= w < images.shape[2]
        x[n, i, j] = np.clip(images[n, h, w] + colour[n], 0, 255) if inside else fill
    return x


def distort(shape, images, points, thickness, fill):
    """In whole numbers, as the op is."""
    images, points, fill = (array.astype(int) for array in (images, points, fill))
    y = np.zeros(shape, np.uint8)
    count, height, width, _ = shape
    steps = 65536 * (points.shape[1] - 1)

    def pixel(n, row, column, c):
        total = 0
        for i, j in np.ndindex(2, 2):
            h, w = row // 256 + i, column // 256 + j
            inside = 0 <= h < height and 0 <= w < width
            share = (row % 256 if i else 256 - row % 256) * (column % 256 if j else 256 - column % 256)
            total += share * (images[n, h, w, c] if inside else fill[c])
        return total

    for n, i, j in np.ndindex(count, height, width):
        down, right = i * steps // max(height - 1, 1), j * steps // max(width - 1, 1)
        a, b = (min(place // 65536, points.shape[1] - 2) for place in (down, right))
        down, right = down - 65536 * a, right - 65536 * b
        corners = points[n, a : a + 2, b : b + 2]
        across = corners[:, 0] * (65536 - right) + corners[:, 1] * right
        row, column = (across[0] * (65536 - down) + across[1] * down + 2**31) // 2**32
        for c in range(shape[3]):
            value = pixel(n, row, column, c)
            around = [
                value,
                *(
                    pixel(n, row + 256 * r, column + 256 * s, c)
                    for r, s in ((0, 1), (0, -1), (1, 0), (-1, 0))
                ),
            ]
            extreme = max(around) if thickness[n] > 0 else min(around)
            value += (extreme - value) * abs(int(thickness[n])) // 256
            y[n, i, j, c] = (value + 32768) // 65536
    return y


def sgd(weights, velocity, gradient, rate, momentum, decay, decayed, nesterov):
    pull = np.where(np.arange(weights.size) < decayed, decay, 0)
    slope = gradient + pull * weights
    velocity = momentum * velocity - rate * slope
    return weights + (momentum * velocity - rate * slope if nesterov else velocity), velocity


def adam(weights, first, second, gradient, rates, beta1, beta2, eps, decay, decayed, decoupled):
    pull = np.where(np.arange(weights.size) < decayed, decay, 0)
    if decoupled:
        weights = weights * (1 - rates[0] * pull)
    else:
        gradient = gradient + pull * weights
    first = beta1 * first + (1 - beta1) * gradient
    second = beta2 * second + (1 - beta2) * gradient**2
    return weights - rates[0] * first * rates[1] / (np.sqrt(second) * rates[2] + eps), first, second


def clip(gradient, limit):
    norm = np.sqrt((gradient**2).sum())
    return gradient * min(1, limit / norm), np.array([norm])


def tally(rows, losses, scores, labels, step):
    rows = rows.copy()
    rows[int(step[1]) % len(rows)] = losses.sum(), (scores.argmax(axis=1) != labels).sum()
    return (rows,)


def batch_statistics(x, running_mean, running_variance, momentum, eps):
    rows = len(x)
    mean = x.sum(0) / rows
    variance = ((x - mean) ** 2).sum(0) / rows
    unbiased = variance * rows / max(rows - 1, 1)
    return (
        mean,
        1 / np.sqrt(variance + eps),
        running_mean + momentum * (mean - running_mean),
        running_variance + momentum * (unbiased - running_variance),
    )


def response_sums(x, size, alpha, k):
    """s_c = k + alpha / size times the sum of x^2 over the channels around c."""
    channels = range(x.shape[1])
    return np.stack(
        [k + alpha / size * sum(x[:, j] ** 2 for j in channels if abs(j - c) <= size // 2) for c in channels],
        1,
    )


def response_backward(d_y, x, y, s, size, alpha, beta):
    channels = range(x.shape[1])
    shared = np.stack(
        [sum(d_y[:, j] * y[:, j] / s[:, j] for j in channels if abs(j - c) <= size // 2) for c in channels], 1
    )
    return d_y * s**-beta - 2 * alpha * beta / size * x * shared


def upsampling_shares(size, scale, smooth):
    """(outputs, cells): how much of each cell is in each output along an axis."""
    shares = np.zeros((size * scale, size))
    for p in range(size * scale):
        at = min(max((p + 0.5) / scale - 0.5, 0), size - 1) if smooth else p // scale
        for cell in range(size):
            shares[p, cell] = max(0, 1 - abs(at - cell))
    return shares


def upsample(x, scale, smooth):
    down, across = (upsampling_shares(size, scale, smooth) for size in x.shape[1:3])
    return np.einsum("ph,qw,nhwc->npqc", down, across, x)


def upsample_backward(d_y, scale, smooth):
    down, across = (upsampling_shares(size // scale, scale, smooth) for size in d_y.shape[1:3])
    return np.einsum("ph,qw,npqc->nhwc", down, across, d_y)


def subsample(x, shape, stride, first):
    y = np.zeros(shape)
    y[..., first : first + x.shape[3]] = x[:, ::stride, ::stride]
    return y


def subsample_backward(d_y, shape, stride, first):
    d_x = np.zeros(shape)
    d_x[:, ::stride, ::stride] = d_y[..., first : first + shape[3]]
    return d_x


def normalise(x, mean, inverse, scale, shift):
    return scale * ((x - mean) * inverse) + shift


def embedding_backward(d_weights_shape, d_y, tokens):
    d_weights = np.zeros(d_weights_shape)
    for token, row in zip(tokens, d_y, strict=True):
        d_weights[token] += row
    return d_weights


def folded(weights, bias, mean, variance, scale, shift, eps):
    """Weights and bias whose sums are normalised already."""
    factor = scale / np.sqrt(variance + eps)
    return weights * factor, (bias - mean) * factor + shift


def normalisation_sums(d_y, x, mean, inverse):
    return (d_y * (x - mean) * inverse).sum(0), d_y.sum(0)


def normalisation_backward(d_y, x, mean, inverse, scale, d_scale, d_shift):
    """Ioffe and Szegedy (2015), section 3, their three equations put together."""
    normal = (x - mean) * inverse
    return scale * inverse * (d_y - d_shift / len(x) - normal * d_scale / len(x))
