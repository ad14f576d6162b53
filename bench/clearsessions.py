#!/usr/bin/env python3
"""`manage clearsessions` on many rows of which every second one has expired, beside a loop of requests, and beside Django's
single DELETE of the same rows.

    clearsessions.py [--rows 2000000] [--store sqlite|postgres] [--batch-size N]

It needs what "bench.py build --only nuages" builds. Standard library only; PostgreSQL for --store postgres.
"""

import argparse
import http.client
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import bench  # noqa: E402

DATA = "eyJ2aXNpdHMiOjF9:1wDdi0:Zl0tqBqv8Xq4c2b0zqOQd7yJ8pQmS0gF1WfXr0c3xkY"
DELETE = "DELETE FROM django_session WHERE expire_date < '2026-01-01 00:00:00'"


def fill(s, rows):
    """The rows: keys in no order, dates of a year, every second one before 2026."""
    if s.spec["store"] == "postgres":
        s.psql(
            f"INSERT INTO django_session SELECT md5(n::text), '{DATA}', CASE n % 2 WHEN 0 "
            f"THEN timestamptz '2025-01-01 00:00:00+00' ELSE timestamptz '2036-01-01 00:00:00+00' END "
            f"+ (n % 300) * interval '1 day' FROM generate_series(1, {rows}) AS n"
        )
        s.psql("VACUUM ANALYZE django_session")
        return
    con = sqlite3.connect(s.db, isolation_level=None)
    con.execute("PRAGMA synchronous=OFF")
    con.execute("PRAGMA cache_size=-500000")
    con.execute("BEGIN")
    con.execute(
        f"""WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows})
        INSERT INTO django_session SELECT lower(hex(randomblob(16))), '{DATA}',
        datetime(CASE n % 2 WHEN 0 THEN '2025-01-01' ELSE '2036-01-01' END, '+' || (n % 300) || ' days') FROM c"""
    )
    con.execute("COMMIT")
    con.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    con.close()


def left(s):
    if s.spec["store"] == "postgres":
        return int(s.psql("SELECT count(*) FROM django_session")[0][0])
    con = sqlite3.connect(s.db)
    try:
        return con.execute("SELECT count(*) FROM django_session").fetchone()[0]
    finally:
        con.close()


class Loop(threading.Thread):
    """A visitor who writes, one request after the other; when each began and how long it took, seconds."""

    def __init__(self, port, cookie):
        super().__init__(daemon=True)
        self.port, self.cookie, self.stopped, self.took = port, cookie, False, []
        self.failed = 0

    def run(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.stopped:
            begin = time.monotonic()
            conn.request("GET", "/session/write", headers={"Cookie": self.cookie})
            r = conn.getresponse()
            r.read()
            self.failed += r.status != 200
            self.took.append(time.monotonic() - begin)


def beside_requests(s, work):
    """Does the work while two visitors write; what it took and what the visitors noticed."""
    loops = [Loop(s.port, cookie) for cookie in s.prime(2)]
    for loop in loops:
        loop.start()
    time.sleep(1)
    for loop in loops:
        loop.took.clear()
    begin = time.monotonic()
    work()
    seconds = time.monotonic() - begin
    for loop in loops:
        loop.stopped = True
    for loop in loops:
        loop.join()
    took = sorted(t for loop in loops for t in loop.took)
    return {
        "seconds": round(seconds, 1),
        "requests": len(took),
        "failed": sum(loop.failed for loop in loops),
        "p50_ms": round(1000 * statistics.median(took), 1),
        "p99_ms": round(1000 * took[min(len(took) - 1, len(took) * 99 // 100)], 1),
        "max_ms": round(1000 * took[-1], 1),
    }


def single_delete(s):
    if s.spec["store"] == "postgres":
        s.psql(DELETE)
        return
    con = sqlite3.connect(s.db, isolation_level=None, timeout=120)
    con.execute("PRAGMA synchronous=FULL")
    con.execute(DELETE)
    con.close()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rows", type=int, default=2_000_000)
    ap.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    ap.add_argument("--batch-size", help="as manage clearsessions takes it")
    args = ap.parse_args()
    specs = {s["name"]: s for s in tomllib.loads((bench.ROOT / "servers.toml").read_text())["server"]}
    spec = specs["nuages-postgres" if args.store == "postgres" else "nuages-full"]
    # A folder of its own.
    s = bench.Server({**spec, "name": f"clearsessions-{args.store}"}, bench.ROOT)
    out = {}
    try:
        for name in ("nuages", "single DELETE"):
            s.fresh()
            fill(s, args.rows)
            s.start()
            manage = [str(s.dir / "target/release/nuages-peer"), "clearsessions"]
            if args.batch_size:
                manage += ["--batch-size", args.batch_size]
            work = {
                "nuages": lambda: subprocess.run(manage, cwd=s.dir, env=s.env(), check=True, timeout=1200),
                "single DELETE": lambda: single_delete(s),
            }[name]
            out[name] = beside_requests(s, work)
            out[name]["left"] = left(s)
            s.close()
            print(name, json.dumps(out[name]), flush=True)
    finally:
        s.close()
    os.makedirs(bench.RESULTS, exist_ok=True)
    (bench.RESULTS / f"clearsessions-{args.store}.json").write_text(json.dumps({"rows": args.rows, **out}, indent=1))


if __name__ == "__main__":
    main()
