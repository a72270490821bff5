"""Biographies and tags, imported as files: artists whom nobody has played get words and neighbours by them."""

import json
from pathlib import Path

from recommenders.exchange.imports import import_path
from recommenders.language import learning, reading
from recommenders.language.parameters import ReadingParameters
from recommenders.language.placing import place
from recommenders.language.similarity import By, similar
from recommenders.language.terms import EntityKind
from recommenders.language.vectors import TextParameters
from recommenders.language.weights import TermParameters
from recommenders.store import Artifacts, Store
from recommenders.store.top_terms import top_terms
from tests.service import NOW, add_catalogue

BIOGRAPHIES = {
    1: "Formed in Oslo, they play raw black metal: shrieked vocals, blast beats and tremolo riffs.",
    2: "A black metal duo from Bergen. Blast beats, frozen riffs, shrieked vocals, church organs.",
    3: "Their death metal is all low growls, blast beats and chromatic riffs.",
    4: "A singer-songwriter with an acoustic guitar, whispered folk songs and fingerpicking.",
    5: "Gentle folk songs; fingerpicking on an acoustic guitar and a whispered voice.",
    6: "Folk trio with banjo, acoustic guitar and close harmonies, fingerpicking by the fire.",
    7: "A producer of minimal techno: drum machines, acid basslines, long sets in Berlin clubs.",
    8: "Techno from Detroit, hypnotic drum machines, acid basslines, warehouse clubs.",
}
TAGS = {9: {"techno": 12, "acid": 5, "drum machines": 2}}


def test_artists_whom_nobody_has_played_have_neighbours(store: Store, artifacts: Artifacts, tmp_path: Path) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, list(range(1, 10)))
    lines = [json.dumps({"artist_id": f"a{artist}", "text": text}) for artist, text in BIOGRAPHIES.items()]
    (tmp_path / "biographies.jsonl").write_text("\n".join(lines), encoding="utf-8")
    tags = [
        json.dumps({"artist_id": f"a{a}", "tag": tag, "count": n}) for a, of in TAGS.items() for tag, n in of.items()
    ]
    (tmp_path / "tags.jsonl").write_text("\n".join(tags), encoding="utf-8")
    for kind in ("biographies", "tags"):
        [report] = import_path(store, kind, tmp_path / f"{kind}.jsonl", now=NOW)
        assert report.rows_rejected == 0
    for batch in reading.plan(store, artifacts, ReadingParameters(), NOW):
        reading.read(store, artifacts, batch, NOW)
    learning.weigh(store, TermParameters(), NOW.date())
    with store.begin() as connection:
        place(connection, artifacts, TextParameters(dimensions=4), run_key="a", now=NOW)
        for artist in range(1, 10):
            nearest = similar(connection, EntityKind.ARTIST, artist, By.TEXT, 2)
            assert {(int(one.outside_id[1:]) - 1) // 3 for one in nearest} == {(artist - 1) // 3}, artist
        assert "folk songs" in [term.term for term in top_terms(connection, "artist", 5, NOW.date())]
        assert [term.term for term in top_terms(connection, "artist", 9, NOW.date(), limit=2)] == ["techno", "acid"]
