"""Writes dags/README.md from the DAGs' docstrings (`python -m dags.common.readme`); a test fails when it is stale."""

import ast
from pathlib import Path

FOLDER = Path(__file__).parent.parent

HEAD = """# The DAGs

<!-- Written by `python -m dags.common.readme` from the docstrings below: change those, then run it. -->

One file per DAG: wiring and a manual, no logic. A task opens the store, calls one function of `recommenders` and
returns an id. What the DAGs share (defaults, tags, pools, assets, params, the cut-off) is in `common/`. A DAG may
import everything but `recommenders.demo` and `plugins`, and nothing that is slow to import outside of its tasks.
Start reading with `monday_playlists.py`.

| DAG | what it is for |
|---|---|
"""


def readme() -> str:
    """The text of dags/README.md."""
    manuals = {path.stem: _docstring(path) for path in sorted(FOLDER.glob("*.py")) if path.stem != "__init__"}
    rows = [f"| [`{name}`](#{name}) | {manual.splitlines()[0]} |" for name, manual in manuals.items()]
    chapters = [f"## {name}\n\n{manual}" for name, manual in manuals.items()]
    return HEAD + "\n".join(rows) + "\n\n" + "\n\n".join(chapters) + "\n"


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(readme(), encoding="utf-8")
