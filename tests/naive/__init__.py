"""What every op computes, as its formula: plain loops and float64 NumPy, slow and easy to check. One module a room of ops.

The letters are those of numbacnn.ops. A function takes what the op reads and returns what it writes.
"""

from naive.activations import *
from naive.embedding import *
from naive.losses import *
from naive.normalization import *
from naive.pictures import *
from naive.pooling import *
from naive.products import *
from naive.random_numbers import *
from naive.resizing import *
from naive.training import *
from naive.windows import *
