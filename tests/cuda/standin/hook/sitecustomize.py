"""Read by every Python process of the stand-in as it starts: before numba-cuda launches anything."""

import os

if os.environ.get("STANDIN_EXECUTE"):
    from standin import executing

    executing.begin()
