"""The errors of Monday Mixtape. A message says what is wrong, where, and what to do."""


class MixtapeError(Exception):
    """Anything that Monday Mixtape itself reports as wrong."""


class ConfigurationError(MixtapeError):
    """A setting or a parameter makes no sense, or a service that it names can't be reached."""


class DataError(MixtapeError):
    """Input that can't be read at all: a wrong header, an unknown format, a missing file."""


class ModelError(MixtapeError):
    """A model or one of its artifacts is missing, damaged, or of another space."""


class ArtifactError(ModelError):
    """An artifact is missing or damaged: the task that wrote it has to run again."""


class NotEnoughDataError(MixtapeError):
    """There is too little data for what was asked: no plays to train on, no champion to serve."""


class UnknownNameError(MixtapeError):
    """A user, track, artist or week that the store does not hold."""


class UnsafeUrlError(MixtapeError):
    """A URL that must not be fetched: of another scheme, or where it leads is private."""
