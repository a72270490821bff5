"""essentia, imported quietly and only when something is heard: it takes a second and 200 MB."""

import os
from functools import cache
from typing import Any


@cache
def standard() -> Any:
    """The module `essentia.standard`, which must never share a process with tensorflow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it looks for a GPU of its own, and complains
    import essentia

    essentia.log.infoActive = False
    essentia.log.warningActive = False
    import essentia.standard

    return essentia.standard
