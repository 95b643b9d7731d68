"""The other programmes of the peer benchmark, where somebody has set them up."""

import json
import os
import subprocess
from pathlib import Path

PEERS = {"yjs": "yjs", "pouchdb": "pouch", "jazz": "jazz", "automerge": "automerge"}
SCENARIOS = ("S1", "S2", "S3", "S4", "S6")


def measured_peers(peers: Path) -> list[tuple[str, str, float]]:
    """(peer, scenario, ms) of each that is there; run by the benchmark's own script."""
    root = Path(os.environ.get("PEERS_ROOT", "/tmp/peers"))
    ready = [name for name, folder in PEERS.items() if (root / folder / "node_modules").is_dir()]
    return [row for name in ready for row in _run(peers, name)]


def _run(peers: Path, peer: str) -> list[tuple[str, str, float]]:
    done = subprocess.run(
        [str(peers / "run.sh"), peer, "all", "1"],
        env={**os.environ, "PEER_OUT": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [
        (peer, row["scenario"], float(row.get("ms") or row["ms_rt"]))
        for row in rows
        if row.get("scenario") in SCENARIOS and ("ms" in row or "ms_rt" in row)
    ]
