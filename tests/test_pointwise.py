"""The weight gradient of large 1x1 convolutions, which is a dense layer's."""

from __future__ import annotations

import numpy as np
import pytest

from numbacnn.layers import Convolution
from numbacnn.ops import convolution


@pytest.mark.parametrize(("channels", "filters"), [(257, 512), (513, 257)])
def test_a_large_pointwise_layers_weight_gradient_in_any_workspace(channels, filters):
    generator = np.random.default_rng(0)
    window = Convolution(filters, 1).window((5, 3, channels))
    x = generator.standard_normal((3, 5, 3, channels)).astype(np.float32)
    d_y = generator.standard_normal((3, 5, 3, filters)).astype(np.float32)
    expected = np.einsum("nhwc,nhwk->ck", x.astype(np.float64), d_y.astype(np.float64))
    found = []
    for limit in (float("inf"), 1.0):
        shape = ((3, 5, 3), channels, filters, window, 1, "auto", (5, 3))
        workspace = np.empty(convolution.workspace_size("cpu", *shape, limit), np.float32)
        d_weights = np.empty((1, 1, channels, filters), np.float32)
        convolution.backward_weights(d_weights, x, d_y, window, 1, "auto", workspace)
        found.append(d_weights)
        np.testing.assert_allclose(d_weights[0, 0], expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(*found)
