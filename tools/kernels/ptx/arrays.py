"""The type of every array here: an element for each thread, or for each access."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
