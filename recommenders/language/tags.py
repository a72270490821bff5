"""Tags of an artist or track as the text of an article: one a line, with how many people gave it."""

from collections.abc import Mapping


def tags_as_text(counts: Mapping[str, int]) -> str:
    """The tags, most given first: "shoegaze\\t12"."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return "\n".join(f"{' '.join(tag.split())}\t{count}" for tag, count in ordered)


def tags_in(text: str) -> dict[str, int]:
    """The tags that `tags_as_text` wrote."""
    lines = (line.rpartition("\t") for line in text.splitlines())
    return {tag: int(count) for tag, _, count in lines}
