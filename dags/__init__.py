"""One file per DAG: wiring and a manual, no logic."""
