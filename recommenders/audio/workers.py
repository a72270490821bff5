"""What is done inside a fence: a file is listened to and its tags are read; and how its findings come out again."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recommenders.audio.analysis import Analysis, Refusal, UnreadableAudioError
from recommenders.audio.fence import Arrays, Fence, Limits
from recommenders.audio.files import FileTags, read_tags
from recommenders.audio.listening import Hearing, listen
from recommenders.audio.served import ServedNetwork
from recommenders.errors import ModelError

TAGS_WITHIN_S = 5.0

Findings = tuple[dict[str, Any], Arrays]


@dataclass(frozen=True)
class Heard:
    """What was heard in a file, and what its tags say; `problems`: why tags or a vector are missing."""

    hearing: Hearing
    tags: FileTags
    problems: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether nothing was heard."""
        return self.hearing.analysis.track.loudness is None


def listening_fence(limits: Limits | None = None, network: dict[str, Any] | None = None) -> Fence:
    """A fence in which files are listened to; `network`: the path and the facts of the one that predicts vectors."""
    return Fence("recommenders.audio.workers:prepare_listening", limits, {"network": network})


def tags_fence(limits: Limits | None = None) -> Fence:
    """A fence in which only tags are read."""
    return Fence("recommenders.audio.workers:prepare_tags", limits)


def hear(fence: Fence, file: int, name: str) -> Heard:
    """Listen to an open file, called `name`. Raises UnreadableAudioError."""
    reply = fence.run(file, name)
    hearing = Hearing(
        Analysis.from_json(reply.fields["analysis"]),
        reply.arrays["fingerprint"],
        reply.arrays["mels"],
        reply.arrays.get("vector"),
        reply.fields["model_tags"],
    )
    problems = tuple(reply.fields[each] for each in ("tags_problem", "network_problem") if each in reply.fields)
    return Heard(hearing, FileTags.from_fields(reply.fields["tags"]), problems)


def tags_of(fence: Fence, file: int, name: str) -> FileTags:
    """The tags of an open file, called `name`. Raises UnreadableAudioError when it is no audio file."""
    return FileTags.from_fields(fence.run(file, name).fields["tags"])


def prepare_listening(options: dict[str, Any]) -> Callable[[Path, str, dict[str, Any]], Findings]:
    """Everything that takes long, once a process."""
    from recommenders.audio.library import standard

    standard()
    network: ServedNetwork | None = None
    problem: dict[str, Any] = {}
    if options["network"]:
        try:
            network = ServedNetwork.load(Path(options["network"]["path"]), options["network"]["facts"])
        except ModelError as error:
            problem = {"network_problem": str(error)}

    def work(path: Path, name: str, asked: dict[str, Any]) -> Findings:
        hearing = listen(path, network)
        fields = {"analysis": hearing.analysis.as_json(), "model_tags": hearing.tags}
        arrays: Arrays = {"fingerprint": hearing.fingerprint, "mels": hearing.mels}
        if hearing.vector is not None:
            arrays["vector"] = hearing.vector
        return fields | problem | _tags_or_none(path, name), arrays

    return work


def prepare_tags(options: dict[str, Any]) -> Callable[[Path, str, dict[str, Any]], Findings]:
    """As `prepare_listening`, for tags alone."""
    import mutagen  # noqa: F401 - so that its memory is not a file's
    import soundfile

    def work(path: Path, name: str, asked: dict[str, Any]) -> Findings:
        found = _tags_or_none(path, name)
        if "tags_problem" in found or found["tags"]["duration_s"] is None:
            try:
                soundfile.info(str(path))
            except (RuntimeError, UnicodeError) as error:
                raise UnreadableAudioError(
                    Refusal.UNREADABLE, f"{name!r} can't be analysed: it is no audio."
                ) from error
        return found, {}

    return work


def _tags_or_none(path: Path, name: str) -> dict[str, Any]:
    """The tags; none where they are damaged, too large, or take too long: the recording is good all the same."""
    nothing: dict[str, Any] = {"tags": asdict(FileTags())}
    try:
        with _no_longer_than(TAGS_WITHIN_S):
            return {"tags": asdict(read_tags(path, name) or FileTags())}
    except MemoryError:
        return nothing | {"tags_problem": "its tags take too much memory", "last": True}
    except Exception as error:
        return nothing | {"tags_problem": f"its tags can't be read: {type(error).__name__}: {error}"}


@contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the midst of what takes longer; only for what is written in Python."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
