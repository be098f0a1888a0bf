"""`make bench-anchors ANCHORS=folder`: what we are measured against, on the servers and in the minutes of our own run.

The folder holds `rabbit.py`, `pg_chain.sh`, `alloc2000.sh`, `alloc_bench.sh` and `tryton_*.py`; what is missing there
is left out. Nothing of it is copied or kept; the peer gets an environment of its own below the instance's folder.
"""

import argparse
import os
import re
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench import peer
from deploy.local import servers
from deploy.local.servers import Servers

INSTANCE = "bench"
VHOST = "bench-broker"
PEER = (
    "trytond[PostgreSQL] proteus trytond_sale trytond_sale_supply trytond_purchase trytond_purchase_request \
trytond_stock trytond_stock_supply psycopg[binary]".split()
)
PEER_DATABASE = "bench_tryton"
LONGEST = 900


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.anchors", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--seconds", type=int, default=5, help="for each of the measurements that take a time"
    )
    parser.add_argument(
        "--peer", action="store_true", help="install the peer from PyPI and measure it, 10 minutes"
    )
    parser.add_argument(
        "--million", action="store_true", help="allotment with a million waiting lines, 5 minutes"
    )
    chosen = parser.parse_args(arguments)
    folder: Path = chosen.folder.resolve()
    with servers.running(INSTANCE) as ready:
        env = {**os.environ, **_postgres(ready)}
        ready.ensure_vhosts([VHOST])
        _run(
            "a hop and publishes",
            folder / "rabbit.py",
            sys.executable,
            [ready.amqp_url(vhost=VHOST), "quorum"],
            env,
        )
        _run(
            "the rows of a chain in bare SQL", folder / "pg_chain.sh", "bash", [str(chosen.seconds), "1"], env
        )
        _run("2 000 waiting lines in one statement", folder / "alloc2000.sh", "bash", [], env)
        if chosen.million:
            _run("one receipt over waiting lines", folder / "alloc_bench.sh", "bash", ["1"], env)
        if chosen.peer:
            _peer(ready, folder, env, chosen.seconds)
    return 0


def _postgres(ready: Servers) -> dict[str, str]:
    place = urlsplit(ready.postgres_url)
    return {
        "PGHOST": place.hostname or "127.0.0.1", "PGPORT": str(place.port or 5432),
        "PGUSER": place.username or "", "PGPASSWORD": place.password or "",
    }  # fmt: skip


def _run(
    what: str,
    script: Path,
    program: str,
    arguments: Sequence[str],
    env: Mapping[str, str],
    cwd: Path | None = None,
) -> str:
    """What the script printed, printed by us as well."""
    print(f"\n{what} ({script.name})", flush=True)
    if not script.exists():
        print(f"  left out: there is no {script.name} in {script.parent}")
        return ""
    done = subprocess.run(
        (program, str(script), *arguments),
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    shown = [line for line in done.stdout.splitlines() if line.strip()]
    print("\n".join(f"  {line}" for line in shown), flush=True)
    if done.returncode:
        print(f"  ended with {done.returncode}: {done.stderr.strip()[-600:]}", flush=True)
    return done.stdout


def _peer(ready: Servers, folder: Path, env: Mapping[str, str], seconds: int) -> None:
    """Install, fill and measure the peer, and keep its figures for our rows; any step that fails leaves it out."""
    kept_in = ready.instance.folder
    home = peer.home(kept_in)
    python = home / "bin" / "python"
    if not (home / "bin" / "trytond-admin").exists():
        venv.create(home, with_pip=True)
        if not _succeeds((python, "-m", "pip", "install", "--quiet", *PEER), env):
            return
    bare = urlunsplit(urlsplit(ready.postgres_url)._replace(path="/"))
    conf, password = home / "trytond.conf", home / "password"
    conf.write_text(f"[database]\nuri = {bare}\n")
    password.write_text("bench\n")
    own = {**env, "TRYTON_CONF": str(conf), "TRYTONPASSFILE": str(password), "PGDATABASE": "postgres"}
    made = (
        ("psql", "-qc", f"DROP DATABASE IF EXISTS {PEER_DATABASE}", "-c", f"CREATE DATABASE {PEER_DATABASE}"),
        (
            home / "bin" / "trytond-admin",
            "-c",
            conf,
            "-d",
            PEER_DATABASE,
            "--all",
            "--email",
            "a@example.com",
            "-p",
        ),
        (python, folder / "tryton_setup.py", PEER_DATABASE),
        ("psql", "-qc", "VACUUM ANALYZE", PEER_DATABASE),
    )
    if all(_succeeds(step, own) for step in made):
        length = str(max(20, seconds))
        for what, title, words in (
            ("singly", "1 order a transaction", ("chain", "1", "1", length)),
            ("bulk", "50 orders a transaction", ("chain", "1", "50", length)),
            ("waiting", "2 000 waiting shipments, one receipt", ("wait", "2000", "all")),
        ):
            print(f"\nload {os.getloadavg()[0]:.1f}", end="", flush=True)
            told = _run(
                f"the peer, {title}", folder / "tryton_bench.py", str(python), [PEER_DATABASE, *words], own
            )
            peer.keep(kept_in, what, told)


def _succeeds(command: Sequence[str | Path], env: Mapping[str, str]) -> bool:
    words = [str(word) for word in command]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode:
        shown = re.sub(r"//[^@\s]*@", "//…@", done.stderr.strip()[-600:])
        print(
            f"  the peer is left out: {Path(words[0]).name} ended with {done.returncode}: {shown}", flush=True
        )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
