"""Functions compiled by numba, kept compiled below MIXTAPE_HOME and free of the interpreter's lock."""

import hashlib
import os
from functools import partial
from pathlib import Path

from recommenders.settings import Settings


def cache_folder(home: Path, package: Path = Path(__file__).parent) -> Path:
    """Where what is compiled of `package` is kept: another folder whenever any of it changes.

    numba looks for a change in a function's own file alone, and would go on with the old code of those that it calls.
    """
    sources = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        if b"\n@compiled(" in source:
            sources.update(source)
    return home / "numba" / sources.hexdigest()[:16]


os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder(Settings().home)))  # numba reads it when it is imported

from numba import njit  # noqa: E402 - see above

compiled = partial(njit, cache=True, nogil=True)
