"""Arrays in, arrays out; the only room with Numba.

Letters used by every op
    N   images in a batch        H W   input height, width      P Q   output height, width
    R S kernel height, width     C     input channels           K     filters (output channels)
    G   groups of a convolution  d_x   gradient of the loss with respect to x

Tensors are NHWC and C-contiguous, float32 (float64 where a gradient is checked). The weights of a
convolution are (R, S, C/G, K), of a dense layer (inputs, outputs). Every op writes into its first
argument and allocates nothing of the batch's size; workspaces are passed in.

The ops
    convolution   im2col and a matrix product; its two gradients
    dense         a matrix product; its two gradients
    pooling       max (keeps its switches), sum, average; their gradients
    activations   ReLU, leaky ReLU, PReLU, ELU, sigmoid, tanh, clip; their derivatives, the rectifier rules
    gates         SiLU, GELU; their derivatives
    response      local response normalisation across channels; its gradient
    normalization batch normalisation: statistics, the normalised, gradients
    softmax       and its gradient
    losses        square, log, hinge, log-softmax, max-margin, each with its gradient
    targets       losses of soft targets, of pixels, of numbers, each with its gradient
    embedding     rows that stand for whole numbers; their gradient
    joins         concatenate, add, multiply; their gradients
    upsampling    larger maps, nearest or bilinear; its gradient
    subsample     every second pixel and more channels, a shortcut without parameters; its gradient
    dropout       inverted, masked by a counter-based generator
    pixels        mean, scale and channel order: the model's own preprocessing
    augmentation  flip, crop, shift and colour of a batch of pictures
    batches       a step's pictures and numbers, from those of an epoch
    tally         the sum of a step's losses, and its wrong answers
    update        optimizers: stochastic gradient descent, Adam; the gradient's norm; an average of the weights
"""

from .starting import start_numba

start_numba()
