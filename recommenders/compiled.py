"""Functions compiled by numba, kept compiled below MIXTAPE_HOME and free of the interpreter's lock."""

import os
from functools import partial

from recommenders.settings import Settings

os.environ.setdefault("NUMBA_CACHE_DIR", str(Settings().home / "numba"))  # numba reads it when it is imported

from numba import njit

compiled = partial(njit, cache=True, nogil=True)
