#!/usr/bin/env python3
"""Compares web servers that serve the same endpoints; see README.md for what and why.

  bench.py build [--clean] [--only a,b]     build, note the time
  bench.py verify [--only a,b]              status, bodies, what the database really holds
  bench.py bench [--rounds 3] [--seconds 5] the load runs, servers taking turns
  bench.py lost [--trials 5]                lost updates: 50 concurrent writers, one session
  bench.py durable                          write, kill -9, restart, read
  bench.py footprint                        start time, idle memory, binary size, crates
  bench.py syscalls [--count 300]           system calls per request (needs strace)
  bench.py report FILE...                   markdown tables from result files

Each command but report writes results/<command>-<label>.json (--label, default "local").
Servers are listed in servers.toml (--config). Python 3.11+, standard library only; needs
wrk, and redis-server or PostgreSQL for the entries that want them. Only loopback is used, and only
processes started here are ended.
"""

import argparse
import base64
import hashlib
import html
import http.client
import json
import os
import pickle
import platform
import re
import resource
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent
RUN = ROOT / "scratch"
RESULTS = ROOT / "results"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
CPUS = os.cpu_count() or 1
SESSIONS = 256

PATHS = {
    "plaintext": "/plaintext",
    "json": "/json",
    "template": "/template",
    "route": "/users/4242/posts/the-quick-brown-fox",
    "session_read": "/session/read",
    "session_write": "/session/write",
}


# ---------------------------------------------------------------- small helpers


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode("utf-8", "replace")

    @property
    def cookie(self):
        """name=value of the session cookie that this reply set, or None."""
        for value in self.headers.get_all("Set-Cookie") or []:
            return value.split(";", 1)[0]
        return None


def get(port, path, cookie=None, timeout=10):
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        conn.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        r = conn.getresponse()
        return Reply(r.status, r.headers, r.read())
    finally:
        conn.close()


def stat_of(pid):
    """(ppid, cpu ticks, rss pages) of a process, or None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    f = text[text.rindex(")") + 2 :].split()
    # After the name: state ppid ... utime(11) stime(12) cutime(13) cstime(14) ... rss(21)
    return int(f[1]), sum(int(x) for x in f[11:15]), int(f[21])


def tree(root):
    """pid -> (ppid, ticks, rss) of a process and all below it."""
    every = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (s := stat_of(int(name))):
            every[int(name)] = s
    out, todo = {}, [root]
    while todo:
        pid = todo.pop()
        if pid in every and pid not in out:
            out[pid] = every[pid]
            todo += [p for p, s in every.items() if s[0] == pid]
    return out


def cpu_us(root):
    return sum(s[1] for s in tree(root).values()) * 1_000_000 // TICK


def memory_kb(root):
    """(sum of RSS, sum of PSS, the part of PSS that is no file's) of the tree, in KiB; PSS shares out pages held by several."""
    rss = pss = anonymous = 0
    for pid, s in tree(root).items():
        rss += s[2] * PAGE // 1024
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            pss += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
            anonymous += int(re.search(r"^Pss_Anon:\s+(\d+)", text, re.M)[1])
        except (OSError, TypeError):
            pass
    return rss, pss, anonymous


def machine_busy_us():
    """Busy, stolen and interrupt CPU time of the whole machine since it started."""
    f = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = f
    sums = (user + nice + system + irq + softirq, steal, irq + softirq)
    return tuple(x * 1_000_000 // TICK for x in sums)


def own_us():
    t = os.times()
    return int((t.user + t.system) * 1_000_000)


def children_us():
    t = os.times()
    return int((t.children_user + t.children_system) * 1_000_000)


# ---------------------------------------------------------------- servers


class Server:
    def __init__(self, spec, base):
        self.spec = spec
        self.name = spec["name"]
        self.dir = (base / spec["dir"]).resolve()
        self.run = RUN / self.name
        self.db = self.run / "db.sqlite3"
        self.proc = self.aux = self.aux_folder = None
        self.port = self.redis_port = self.postgres_port = 0

    def fill(self, text):
        for key, value in (
            ("{port}", self.port),
            ("{redis_port}", self.redis_port),
            ("{postgres_port}", self.postgres_port),
            ("{db}", self.db),
            ("{run}", self.run),
        ):
            text = text.replace(key, str(value))
        return text

    def env(self, extra=()):
        env = {**os.environ, **{k: self.fill(v) for k, v in self.spec.get("env", {}).items()}}
        env.update(extra)
        return env

    def fresh(self):
        """An empty scratch folder with a set-up database."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir(parents=True)
        if self.spec.get("postgres"):
            self.start_postgres()
        if self.spec.get("wal"):
            con = sqlite3.connect(self.db)
            con.execute("PRAGMA journal_mode=WAL")
            con.close()
        for argv in self.spec.get("setup", []):
            subprocess.run(
                [self.fill(a) for a in argv], cwd=self.dir, env=self.env(), check=True, timeout=120
            )
        if self.spec.get("redis"):
            self.start_redis()

    def start_redis(self):
        self.redis_port = free_port()
        with open(self.run / "redis.log", "ab") as log:
            self.aux = subprocess.Popen(
                ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1",
                 "--save", "", "--appendonly", "no", "--dir", str(self.run)],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.redis_port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("redis-server does not answer")

    def start_postgres(self):
        """A cluster of its own as initdb makes it: a commit is on the disk when it returns."""
        self.stop_store()
        self.postgres_port = free_port()
        folder = Path(tempfile.mkdtemp(prefix="nuages-bench-postgres-"))
        demote = {}
        if os.getuid() == 0:
            # PostgreSQL does not run as root.
            shutil.chown(folder, "postgres")
            demote = {"user": "postgres", "group": "postgres", "extra_groups": []}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(
            [postgres("initdb"), "-D", folder / "data", "-U", "bench", "-A", "trust", "-E", "UTF8"],
            check=True, cwd=folder, **quiet, **demote,
        )  # fmt: skip
        self.aux_folder = folder
        self.aux = subprocess.Popen(
            [postgres("postgres"), "-D", folder / "data", "-p", str(self.postgres_port), "-k", folder,
             "-c", "listen_addresses=127.0.0.1"],
            cwd=folder, start_new_session=True, **quiet, **demote,
        )  # fmt: skip
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                self.psql("SELECT 1")
                return
            except subprocess.CalledProcessError:
                time.sleep(0.1)
        raise RuntimeError("PostgreSQL does not answer")

    def psql(self, statement):
        """The rows of a statement, each a list of texts."""
        r = subprocess.run(
            [postgres("psql"), "-h", "127.0.0.1", "-p", str(self.postgres_port), "-U", "bench", "-d", "postgres",
             "-At", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-c", statement],
            check=True, capture_output=True, text=True, timeout=1200,
        )  # fmt: skip
        return [line.split("\x1f") for line in r.stdout.splitlines()]

    def start(self, prefix=()):
        """Starts the server; gives the seconds until its first 200."""
        self.port = free_port()
        argv = [*prefix, *(self.fill(a) for a in self.spec["start"])]
        if not prefix and "/" in argv[0]:
            argv[0] = str(self.dir / argv[0])
        env = self.env()
        with open(self.run / "server.log", "ab") as log:
            begin = time.monotonic()
            self.proc = subprocess.Popen(
                argv, cwd=self.dir, env=env, stdout=log, stderr=log, start_new_session=True
            )
        while time.monotonic() - begin < 30:
            if self.proc.poll() is not None:
                break
            try:
                if get(self.port, "/plaintext", timeout=2).status == 200:
                    return time.monotonic() - begin
            except (OSError, http.client.HTTPException):
                time.sleep(0.001)
        self.kill()
        raise RuntimeError(f"{self.name} did not start, see scratch/{self.name}/server.log")

    def kill(self):
        """kill -9 on the server's whole process group."""
        if self.proc:
            try:
                os.killpg(self.proc.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.proc.wait()
            self.proc = None

    def stop(self):
        if self.proc:
            try:
                os.killpg(self.proc.pid, signal.SIGTERM)
                self.proc.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
            self.kill()

    def stop_store(self):
        if self.aux:
            # SIGQUIT: PostgreSQL ends at once, its children with it.
            self.aux.send_signal(signal.SIGQUIT if self.aux_folder else signal.SIGKILL)
            self.aux.wait()
            self.aux = None
        if self.aux_folder:
            shutil.rmtree(self.aux_folder, ignore_errors=True)
            self.aux_folder = None

    def close(self):
        self.stop()
        self.stop_store()

    def prime(self, count):
        """That many new sessions with visits = 1; gives their cookies."""
        cookies = []
        for _ in range(count):
            r = get(self.port, "/session/write")
            if r.status != 200 or r.text != "1" or not r.cookie:
                raise RuntimeError(f"{self.name}: priming got {r.status} {r.text[:80]!r}")
            cookies.append(r.cookie)
        return cookies

    def stored(self):
        """Every stored session, decoded from the store itself; None for a cookie store."""
        if self.spec["store"] == "sqlite":
            con = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=5)
            try:
                q = f"SELECT {self.spec['column']} FROM {self.spec['table']}"
                return [decode(self.spec["codec"], row[0]) for row in con.execute(q)]
            finally:
                con.close()
        if self.spec["store"] == "postgres":
            column = self.spec["column"]
            rows = self.psql(f"SELECT encode({column}::bytea, 'hex') FROM {self.spec['table']}")
            binary = self.spec["codec"] == "msgpack"
            texts = (bytes.fromhex(row[0]) for row in rows)
            return [decode(self.spec["codec"], text if binary else text.decode()) for text in texts]
        if self.spec["store"] == "redis":
            keys = resp(self.redis_port, "KEYS", "*")
            if self.spec.get("codec") == "pickle":
                return [pickle.loads(resp(self.redis_port, "GET", key)) for key in keys]
            return [
                {k: json.loads(v) for k, v in json.loads(resp(self.redis_port, "GET", key)).items()}
                for key in keys
            ]
        return None

    def pragmas(self):
        if self.spec["store"] != "sqlite":
            return None
        con = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)
        try:
            return con.execute("PRAGMA journal_mode").fetchone()[0]
        finally:
            con.close()


def postgres(name):
    """A program of PostgreSQL's, which Debian keeps out of the PATH."""
    found = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    if not found:
        raise RuntimeError(f"there is no {name}: install PostgreSQL")
    return str(found)


def resp(port, *words):
    """One Redis command."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        out = b"*%d\r\n" % len(words)
        for w in words:
            w = w.encode() if isinstance(w, str) else w
            out += b"$%d\r\n%s\r\n" % (len(w), w)
        s.sendall(out)
        f = s.makefile("rb")

        def value():
            line = f.readline()
            kind, rest = line[:1], line[1:].strip()
            if kind == b"$":
                n = int(rest)
                return None if n < 0 else f.read(n + 2)[:-2]
            if kind == b"*":
                return [value() for _ in range(int(rest))]
            return int(rest) if kind == b":" else rest

        return value()


def decode(codec, raw):
    if codec == "json":
        return json.loads(raw)
    if codec == "django":
        payload = raw.rsplit(":", 2)[0]
        packed = payload.startswith(".")
        payload = payload.lstrip(".")
        data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return json.loads(zlib.decompress(data) if packed else data)
    if codec == "msgpack":
        # tower-sessions: the record as an array of id, data, expiry.
        return unpack(raw, 0)[0][1]
    raise ValueError(codec)


def unpack(b, i):
    """As much of MessagePack as the records hold: gives (value, next index)."""
    t = b[i]
    i += 1
    if t < 0x80:
        return t, i
    if t < 0x90:
        return unpack_map(b, i, t & 15)
    if t < 0xA0:
        return unpack_list(b, i, t & 15)
    if t < 0xC0:
        n = t & 31
        return b[i : i + n].decode(), i + n
    if t >= 0xE0:
        return t - 256, i
    if t in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[t], i
    if t in (0xC4, 0xD9):
        n = b[i]
        v = b[i + 1 : i + 1 + n]
        return (v if t == 0xC4 else v.decode()), i + 1 + n
    if t in (0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3):
        n = 1 << (t & 3)
        return int.from_bytes(b[i : i + n], "big", signed=t >= 0xD0), i + n
    if t in (0xDC, 0xDE):
        n = int.from_bytes(b[i : i + 2], "big")
        return (unpack_list if t == 0xDC else unpack_map)(b, i + 2, n)
    raise ValueError(f"MessagePack type {t:#x}")


def unpack_list(b, i, n):
    out = []
    for _ in range(n):
        v, i = unpack(b, i)
        out.append(v)
    return out, i


def unpack_map(b, i, n):
    out = {}
    for _ in range(n):
        k, i = unpack(b, i)
        out[k], i = unpack(b, i)
    return out, i


# ---------------------------------------------------------------- commands


def do_build(servers, args):
    out = {}
    seen = set()
    for s in servers:
        if not s.spec.get("build") or s.dir in seen and "build_env" not in s.spec:
            continue
        seen.add(s.dir)
        env = {**os.environ, **s.spec.get("build_env", {})}
        if args.clean:
            for argv in s.spec.get("clean", []):
                subprocess.run(argv, cwd=s.dir, env=env, check=True)
        for argv in s.spec.get("prepare", []):
            subprocess.run(argv, cwd=s.dir, env=env, check=True)
        if s.spec.get("rust"):
            locked = ["--locked"] if "prepare" not in s.spec else []
            subprocess.run(["cargo", "fetch", "-q", *locked], cwd=s.dir, env=env, check=True)
        before, load = children_us(), os.getloadavg()[0]
        begin = time.monotonic()
        for argv in s.spec["build"]:
            subprocess.run(argv, cwd=s.dir, env=env, check=True)
        out[s.name] = {
            "seconds": round(time.monotonic() - begin, 1),
            "cpu_seconds": round((children_us() - before) / 1e6, 1),
            "clean": bool(args.clean),
            "load1_before": load,
        }
        print(s.name, out[s.name], flush=True)
    return out


def digest(s):
    """A hash of all that the store holds."""
    if s.spec["store"] == "sqlite":
        con = sqlite3.connect(f"file:{s.db}?mode=ro", uri=True, timeout=5)
        try:
            rows = sorted(map(repr, con.execute(f"SELECT * FROM {s.spec['table']}")))
        finally:
            con.close()
    elif s.spec["store"] == "postgres":
        rows = sorted(map(repr, s.psql(f"SELECT * FROM {s.spec['table']}")))
    elif s.spec["store"] == "redis":
        keys = sorted(resp(s.redis_port, "KEYS", "*"))
        rows = [repr((k, resp(s.redis_port, "GET", k))) for k in keys]
    else:
        rows = []
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()


def sql(s, statement):
    if s.spec["store"] == "postgres":
        s.psql(statement)
        return
    con = sqlite3.connect(s.db, timeout=5)
    with con:
        con.execute(statement)
    con.close()


def do_verify(servers, args):
    out = {}
    for s in servers:
        notes, bad = {}, []

        def check(what, ok, seen=""):
            if not ok:
                bad.append(f"{what}: {str(seen)[:200]}")

        try:
            s.fresh()
            s.start()
            p = s.port
            r = get(p, "/plaintext")
            check("plaintext", r.status == 200 and r.body == b"Hello, World!", r.body)
            notes["plaintext_type"] = r.headers.get("Content-Type")
            notes["headers"] = sorted(k.lower() for k in r.headers.keys())
            r = get(p, "/json")
            check("json", r.status == 200 and json.loads(r.body) == {"message": "Hello, World!"}, r.body)
            check("json type", r.headers.get("Content-Type") == "application/json", r.headers)
            r = get(p, "/template")
            ok = r.text.count("<tr>") == 12 and "<script>" not in r.text and " & " not in r.text
            plain = html.unescape(r.text)
            ok = ok and "Row 12 <script>alert(12)</script>" in plain and 'fish & "chips" no. 12' in plain
            check("template", r.status == 200 and ok, r.text[:400])
            notes["template_bytes"] = len(r.body)
            r = get(p, "/users/42/posts/hello-world")
            check("route", r.status == 200 and r.text == "42 hello-world", r.text)
            r = get(p, "/area45/7/items/last-one")
            check("last route", r.status == 200 and r.text.endswith("7 last-one"), r.text)
            r = get(p, "/users/x42/posts/hello")
            notes["bad_int_status"] = r.status
            check("bad int", r.status in (400, 404), r.status)
            check("unknown path", get(p, "/nope/nope").status == 404)

            r = get(p, "/session/read")
            check("no session", r.status == 200 and r.text == "none", r.text)
            notes["set_cookie_without_session"] = bool(r.cookie)
            n0, _ = digest(s)
            check("no row without data", n0 == 0, n0)
            r = get(p, "/session/write")
            cookie = r.cookie
            check("first write", r.status == 200 and r.text == "1" and cookie, r.text)
            notes["set_cookie"] = re.sub(r"=[^;]{12,}", "=…", r.headers.get("Set-Cookie") or "", 1)
            n1, h1 = digest(s)
            cookie_store = s.spec["store"] == "cookie"
            check("one row", n1 == (0 if cookie_store else 1), n1)
            reads = [get(p, "/session/read", cookie) for _ in range(20)]
            check("reads", all(x.status == 200 and x.text == "1" for x in reads), reads[0].text)
            notes["set_cookie_on_read"] = any(x.cookie for x in reads)
            check("a read writes nothing", digest(s) == (n1, h1))
            for want in ("2", "3", "4"):
                r = get(p, "/session/write", cookie)
                check("write " + want, r.status == 200 and r.text == want, r.text)
                cookie = r.cookie or cookie
                held = s.stored()
                if held is not None:
                    check("stored " + want, held and held[0].get("visits") == int(want), held)
            values = sorted({get(p, "/session/read", cookie).text for _ in range(12)})
            notes["read_after_4_writes"] = values
            check("read after writes", values == ["4"], values)
            notes["journal_mode"] = s.pragmas()
            s.stop()
            s.start()
            r = get(s.port, "/session/read", cookie)
            check("read after restart", r.text == "4", r.text)
            if s.spec.get("expire"):
                # A session past its date in the database must be refused, not an error.
                sql(s, s.spec["expire"])
                s.stop()
                s.start()
                notes["read_when_expired"] = get(s.port, "/session/read", cookie).text
            if s.spec["store"] == "sqlite":
                # A well-formed id that the store does not know must not be taken over.
                sql(s, f"DELETE FROM {s.spec['table']}")
                s.stop()
                s.start()
                r = get(s.port, "/session/write", cookie)
                notes["write_with_unknown_id"] = [r.status, r.text[:20]]
                notes["takes_over_unknown_id"] = r.cookie == cookie
            size = s.spec.get("binary")
            if size:
                blob = (s.dir / size).read_bytes()
                m = re.findall(rb"DEFAULT_WAL_SYNCHRONOUS=\d", blob)
                notes["sqlite_build_flag"] = m[0].decode() if m else None
        except (OSError, RuntimeError, http.client.HTTPException) as e:
            bad.append(f"{type(e).__name__}: {e}")
        finally:
            s.close()
        out[s.name] = {"failures": bad, "notes": notes}
        print(f"{s.name}: {'ok' if not bad else bad}\n   {notes}", flush=True)
    return out


def wrk(s, path, conns, seconds, cookie=None, cookies=None):
    argv = ["wrk", "-t1", f"-c{conns}", f"-d{seconds}s", "--timeout", "10s"]
    if cookie:
        argv += ["-H", f"Cookie: {cookie}"]
    argv += ["-s", str(ROOT / "lua" / ("rotate.lua" if cookies else "plain.lua"))]
    argv += [f"http://127.0.0.1:{s.port}{path}"]
    if cookies:
        argv += ["--", str(cookies)]
    r = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 30)
    m = re.search(r"^RESULT (.*)$", r.stdout, re.M)
    if not m:
        raise RuntimeError(f"wrk: {r.stdout[-400:]} {r.stderr[-400:]}")
    return json.loads(m[1])


def visits(s, cookies):
    return sum(int(get(s.port, "/session/read", c).text) for c in cookies)


def measure(s, label, path, conns, seconds, **kw):
    if "warm" in kw and kw.pop("warm"):
        wrk(s, path, conns, 1, **kw)
    pid, aux = s.proc.pid, s.aux.pid if s.aux else None
    c0, a0 = cpu_us(pid), cpu_us(aux) if aux else 0
    b0, k0, o0 = machine_busy_us(), children_us(), own_us()
    t0 = time.monotonic()
    w = wrk(s, path, conns, seconds, **kw)
    wall = (time.monotonic() - t0) * 1e6
    c1, a1 = cpu_us(pid), cpu_us(aux) if aux else 0
    b1, k1, o1 = machine_busy_us(), children_us(), own_us()
    server, store, client = c1 - c0, a1 - a0, (k1 - k0) + (o1 - o0)
    foreign = (b1[0] - b0[0]) - server - store - client
    n = max(w["requests"], 1)
    rss, pss, _ = memory_kb(pid)
    return {
        "server": s.name,
        "endpoint": label,
        "conns": conns,
        "requests": w["requests"],
        "rps": round(w["requests"] / (w["us"] / 1e6), 1),
        "p50_us": w["p50"],
        "p99_us": w["p99"],
        "max_us": w["max"],
        "cpu_us": round((server + store) / n, 2),
        "store_cpu_us": round(store / n, 2),
        "errors": w["connect"] + w["read"] + w["write"] + w["timeout"],
        "non2xx": w["status"],
        "rss_kb": rss,
        "pss_kb": pss,
        "foreign_cores": round(max(foreign, 0) / wall, 3),
        "stolen_cores": round((b1[1] - b0[1]) / wall, 3),
        "irq_cores": round((b1[2] - b0[2]) / wall, 3),
        "client_cores": round(client / wall, 3),
        "server_cores": round((server + store) / wall, 3),
    }


def do_bench(servers, args):
    samples = []
    todo = set(args.endpoints.split(",")) if args.endpoints else None
    for rnd in range(args.rounds):
        turn = servers[rnd % len(servers) :] + servers[: rnd % len(servers)]
        for s in turn:
            try:
                s.fresh()
                s.start()
                # A server without sessions is measured for its other pages alone.
                sessions = any(label.startswith("session") for label in s.spec.get("only", PATHS))
                shared = s.prime(1)[0] if sessions else None
                cookies = s.prime(SESSIONS) if sessions else []
                jar = s.run / "cookies.txt"
                jar.write_text("\n".join(cookies) + "\n")
                plan = [(n, p) for n, p in PATHS.items()] + list(s.spec.get("extra", {}).items())
                for label, path in plan:
                    if "only" in s.spec and label not in s.spec["only"]:
                        continue
                    if todo is not None and label not in todo:
                        continue
                    session = label.startswith("session")
                    for conns in (1, 32, 128) if session else (32,):
                        kw = {"warm": conns == 32}
                        before = None
                        if label == "session_read":
                            kw["cookie"] = shared
                        elif session:
                            kw["cookies"] = jar
                            if kw.pop("warm"):
                                wrk(s, path, conns, 1, cookies=jar)
                            if s.spec["store"] != "cookie":
                                before = visits(s, cookies)
                        m = measure(s, label, path, conns, args.seconds, **kw)
                        if before is not None:
                            m["persisted"] = visits(s, cookies) - before
                        m["round"] = rnd
                        samples.append(m)
                        print(
                            f"r{rnd} {s.name:20} {label:14} c{conns:<3} {m['rps']:>9.0f}/s "
                            f"cpu {m['cpu_us']:>8.1f}us p50 {m['p50_us']:>7.0f} "
                            f"p99 {m['p99_us']:>8.0f} err {m['errors']}/{m['non2xx']} "
                            f"rss {m['rss_kb'] // 1024}M foreign {m['foreign_cores']:.2f}"
                            + (f" persisted {m['persisted']}/{m['requests']}" if "persisted" in m else ""),
                            flush=True,
                        )
                        if not session:
                            break
                        time.sleep(0.2)
                r = get(s.port, "/plaintext")
                if r.body != b"Hello, World!":
                    raise RuntimeError("the server no longer answers rightly")
            except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as e:
                print(f"!! {s.name}: {type(e).__name__} {e}", flush=True)
                samples.append({"server": s.name, "round": rnd, "failure": str(e)[:300]})
            finally:
                s.close()
    return {"rounds": args.rounds, "seconds": args.seconds, "samples": samples}


def lost_once(s, keys, touch):
    cookie = s.prime(1)[0]
    gate = threading.Barrier(keys)
    replies, lock = [], threading.Lock()

    def one(n):
        conn = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
        try:
            conn.connect()
            gate.wait()
            conn.request("GET", f"/session/set?k=k{n}{touch}", headers={"Cookie": cookie})
            r = conn.getresponse()
            r.read()
            got = Reply(r.status, r.headers, b"")
        except (OSError, http.client.HTTPException) as e:
            got = Reply(0, http.client.HTTPMessage(), str(e).encode())
        finally:
            conn.close()
        with lock:
            replies.append(got)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(keys)]
    begin = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.monotonic() - begin
    # A browser keeps the cookie that came last.
    last = next((r.cookie for r in reversed(replies) if r.cookie), cookie)
    alive = sum(get(s.port, f"/session/get?k=k{n}", last).text == "1" for n in range(keys))
    return alive, sum(r.status == 200 for r in replies), round(took, 3)


def do_lost(servers, args):
    out = {}
    for s in servers:
        out[s.name] = {}
        try:
            s.fresh()
            s.start()
            for label, touch in (("set_after_wait", ""), ("read_wait_set", "&touch=1")):
                runs = [lost_once(s, 50, touch) for _ in range(args.trials)]
                out[s.name][label] = {
                    "survivors": [r[0] for r in runs],
                    "answered_200": [r[1] for r in runs],
                    "seconds": [r[2] for r in runs],
                }
        except (OSError, RuntimeError) as e:
            out[s.name]["failure"] = str(e)
        finally:
            s.close()
        print(s.name, out[s.name], flush=True)
    return out


def do_durable(servers, args):
    out = {}
    for s in servers:
        survived, tries, cookie, notes = 0, s.spec.get("starts", 50), None, []
        try:
            s.fresh()
            want = 0
            for n in range(tries):
                s.start()
                if n:
                    seen = get(s.port, "/session/read", cookie).text
                    survived += seen == str(want)
                    if seen != str(want):
                        notes.append(f"after kill {n}: {seen} for {want}")
                        want = int(seen) if seen.isdigit() else 0
                        cookie = cookie if want else None
                r = get(s.port, "/session/write", cookie)
                s.kill()
                cookie = r.cookie or cookie
                want += 1
                if r.text != str(want):
                    notes.append(f"write {n} answered {r.text[:40]} for {want}")
            s.start()
            survived += get(s.port, "/session/read", cookie).text == str(want)
            out[s.name] = {"tries": tries, "survived": survived, "notes": notes[:5]}
            if s.aux:
                s.kill()
                port = s.redis_port
                s.stop_store()
                s.start_redis()
                out[s.name]["after_kill_of_redis"] = get_after(s, cookie)
                out[s.name]["redis_port_changed"] = port != s.redis_port
        except (OSError, RuntimeError) as e:
            out[s.name] = {"failure": str(e)}
        finally:
            s.close()
        print(s.name, out[s.name], flush=True)
    return out


def get_after(s, cookie):
    s.start()
    return get(s.port, "/session/read", cookie).text


def idle_connections(s, count):
    """How much a server grows by an idle keep-alive connection that has had one reply, in bytes; the kernel's buffers are not in it."""
    before = memory_kb(s.proc.pid)[1]
    request = b"GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    open_ones = []
    try:
        for _ in range(count):
            conn = socket.create_connection(("127.0.0.1", s.port), 10)
            open_ones.append(conn)
            conn.sendall(request)
            conn.recv(4096)
        time.sleep(1.5)
        return (memory_kb(s.proc.pid)[1] - before) * 1024 // count
    finally:
        for conn in open_ones:
            conn.close()


def do_footprint(servers, args):
    # A descriptor for each connection, here and in the server, which inherits the limit.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    out = {}
    for s in servers:
        f = {}
        try:
            s.fresh()
            s.start()
            s.stop()
            starts = []
            for _ in range(args.starts):
                starts.append(s.start() * 1000)
                s.stop()
            f["start_ms"] = [round(x, 1) for x in starts]
            s.start()
            time.sleep(1.5)
            rss, pss, anonymous = memory_kb(s.proc.pid)
            f.update(idle_rss_kb=rss, idle_pss_kb=pss, idle_anonymous_kb=anonymous, processes=len(tree(s.proc.pid)))
            threads = sum(len(os.listdir(f"/proc/{p}/task")) for p in tree(s.proc.pid))
            c0 = cpu_us(s.proc.pid)
            time.sleep(3)
            f.update(threads=threads, idle_cpu_us_per_s=(cpu_us(s.proc.pid) - c0) // 3)
            if s.spec.get("rust"):
                f["connection_bytes"] = idle_connections(s, min(10_000, most - 500))
            s.stop()
            if s.spec.get("binary"):
                path = s.dir / s.spec["binary"]
                f["binary_bytes"] = path.stat().st_size
                if shutil.which("strip"):
                    thin = s.run / "stripped"
                    subprocess.run(["strip", "-o", thin, path], check=True)
                    f["stripped_bytes"] = thin.stat().st_size
            if s.spec.get("rust"):
                for key, edges in (("crates", "normal"), ("crates_with_build", "normal,build")):
                    r = subprocess.run(
                        ["cargo", "tree", "--locked", "-e", edges, "--prefix", "none", "-f", "{p}"],
                        cwd=s.dir, capture_output=True, text=True, check=True,
                    )  # fmt: skip
                    names = {line.removesuffix(" (*)").strip() for line in r.stdout.splitlines()}
                    f[key] = len({" ".join(n.split()[:2]) for n in names if n}) - 1
        except (OSError, RuntimeError, subprocess.SubprocessError) as e:
            f["failure"] = str(e)
        finally:
            s.close()
        out[s.name] = f
        print(s.name, f, flush=True)
    return out


def do_syscalls(servers, args):
    """Counts system calls over sequential keep-alive requests, less those of an idle run."""
    out = {}
    if not shutil.which("strace"):
        sys.exit("needs strace")
    for s in servers:
        out[s.name] = {}
        for label in ("plaintext", "session_read", "session_write"):
            try:
                s.fresh()
                s.start()
                cookie = s.prime(1)[0]
                for _ in range(20):
                    get(s.port, PATHS[label], cookie)
                log = s.run / "strace.txt"
                pids = [w for p in tree(s.proc.pid) for w in ("-p", str(p))]
                tracer = subprocess.Popen(
                    ["strace", "-f", "-qq", "-c", "-o", str(log), *pids],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
                time.sleep(1.0)
                conn = http.client.HTTPConnection("127.0.0.1", s.port, timeout=20)
                for _ in range(args.count):
                    conn.request("GET", PATHS[label], headers={"Cookie": cookie})
                    r = conn.getresponse()
                    body = r.read()
                    if r.status != 200:
                        raise RuntimeError(f"{r.status} {body[:100]}")
                conn.close()
                tracer.send_signal(signal.SIGINT)
                tracer.wait(10)
                calls = {}
                for line in log.read_text().splitlines():
                    w = line.split()
                    if len(w) >= 5 and re.fullmatch(r"[\d.]+", w[0]) and w[-1] != "total":
                        calls[w[-1]] = round(int(w[3]) / args.count, 2)
                top = dict(sorted(calls.items(), key=lambda kv: -kv[1])[:14])
                syncs = sum(calls.get(c, 0) for c in ("fsync", "fdatasync"))
                total = round(sum(calls.values()), 1)
                out[s.name][label] = {"total": total, "syncs": round(syncs, 3), "top": top}
                print(s.name, label, out[s.name][label], flush=True)
            except (OSError, RuntimeError, subprocess.TimeoutExpired) as e:
                out[s.name][label] = {"failure": str(e)}
                print(s.name, label, e, flush=True)
            finally:
                s.close()
    return out


# ---------------------------------------------------------------- report


def med(values):
    return statistics.median(values)


def span(values, digits=0):
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:,.{digits}f}"
    return f"{med(values):,.{digits}f} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def report_bench(data, baseline):
    samples = [m for m in data["samples"] if "failure" not in m]
    names = list(dict.fromkeys(m["server"] for m in samples))
    rows = list(dict.fromkeys((m["endpoint"], m["conns"]) for m in samples))
    rows.sort(key=lambda r: (list(PATHS).index(r[0]) if r[0] in PATHS else 99, r[1]))

    def of(name, row, key):
        return [m[key] for m in samples if (m["server"], m["endpoint"], m["conns"]) == (name, *row)]

    print(f"\n### Server CPU per request (µs), median of {data['rounds']} rounds\n")
    print("| endpoint | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for row in rows:
        cells = [span(of(n, row, "cpu_us"), 1) for n in names]
        print(f"| {row[0]} c{row[1]} | " + " | ".join(cells) + " |")

    print(f"\n### The same as a ratio to {baseline} (median of the rounds' own ratios)\n")
    print("| endpoint | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for row in rows:
        base = {m["round"]: m["cpu_us"] for m in samples
                if (m["server"], m["endpoint"], m["conns"]) == (baseline, *row)}  # fmt: skip
        cells = []
        for n in names:
            ratio = [m["cpu_us"] / base[m["round"]] for m in samples
                     if (m["server"], m["endpoint"], m["conns"]) == (n, *row)
                     and base.get(m["round"])]  # fmt: skip
            cells.append(f"{med(ratio):.2f}" if ratio else "–")
        print(f"| {row[0]} c{row[1]} | " + " | ".join(cells) + " |")

    print("\n### All figures\n")
    print("| endpoint | server | CPU µs/req | req/s | p50 µs | p99 µs | max µs | errors | non-2xx |"
          " RSS after MiB | persisted/answered | other CPU cores |")  # fmt: skip
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        for n in names:
            ms = [m for m in samples if (m["server"], m["endpoint"], m["conns"]) == (n, *row)]
            if not ms:
                continue
            kept = [m["persisted"] / max(m["requests"], 1) for m in ms if "persisted" in m]
            print(
                f"| {row[0]} c{row[1]} | {n} | {span([m['cpu_us'] for m in ms], 1)} | "
                f"{span([m['rps'] for m in ms])} | {span([m['p50_us'] for m in ms])} | "
                f"{span([m['p99_us'] for m in ms])} | {max(m['max_us'] for m in ms):,.0f} | "
                f"{sum(m['errors'] for m in ms)} | {sum(m['non2xx'] for m in ms)} | "
                f"{med([m['rss_kb'] for m in ms]) / 1024:.0f} | "
                f"{f'{med(kept):.4f}' if kept else '–'} | "
                f"{med([m['foreign_cores'] for m in ms]):.2f} |"
            )
    for m in data["samples"]:
        if "failure" in m:
            print(f"\nFailed: {m['server']} in round {m['round']}: {m['failure']}")


def do_report(files, baseline):
    for name in files:
        doc = json.loads(Path(name).read_text())
        kind, data = doc["command"], doc["data"]
        print(f"\n## {kind}: {Path(name).name} ({doc['when']}, load at start {doc['load']})")
        if kind == "bench":
            report_bench(data, baseline)
        elif kind == "lost":
            print("\n| server | set after the wait | read, wait, set | answered 200 |")
            print("|---|---:|---:|---:|")
            for n, d in data.items():
                if "failure" in d:
                    print(f"| {n} | {d['failure']} | | |")
                    continue
                a, b = d["set_after_wait"], d["read_wait_set"]
                ok = sorted(set(a["answered_200"] + b["answered_200"]))
                print(f"| {n} | {span(a['survivors'])} | {span(b['survivors'])} | "
                      f"{'–'.join(map(str, (ok[0], ok[-1]) if len(ok) > 1 else ok))} of 50 |")  # fmt: skip
        elif kind == "durable":
            print("\n| server | survived kill -9 | notes |\n|---|---:|---|")
            for n, d in data.items():
                extra = {k: v for k, v in d.items() if k not in ("tries", "survived")}
                print(f"| {n} | {d.get('survived')}/{d.get('tries')} | {extra} |")
        elif kind == "footprint":
            print("\n| server | start to first 200, ms | idle RSS MiB | idle PSS MiB | not a file's | a connection, bytes | processes |"
                  " threads | binary MiB | stripped MiB | crates | with build |")  # fmt: skip
            print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
            for n, f in data.items():
                mib = lambda k: f"{f[k] / 2**20:.1f}" if k in f else "–"  # noqa: E731
                print(
                    f"| {n} | {span(f.get('start_ms', []), 1)} | {f.get('idle_rss_kb', 0) / 1024:.1f} | "
                    f"{f.get('idle_pss_kb', 0) / 1024:.1f} | {f.get('idle_anonymous_kb', 0) / 1024:.1f} | "
                    f"{f.get('connection_bytes', '–')} | {f.get('processes', '–')} | "
                    f"{f.get('threads', '–')} | {mib('binary_bytes')} | {mib('stripped_bytes')} | "
                    f"{f.get('crates', '–')} | {f.get('crates_with_build', '–')} |"
                )
        elif kind == "build":
            print("\n| server | clean build, wall s | CPU s | load before |\n|---|---:|---:|---:|")
            for n, b in data.items():
                print(f"| {n} | {b['seconds']} | {b['cpu_seconds']} | {b['load1_before']:.1f} |")
        elif kind == "syscalls":
            print("\n| server | endpoint | calls/request | syncs/request | most of them |")
            print("|---|---|---:|---:|---|")
            for n, by in data.items():
                for e, d in by.items():
                    top = ", ".join(f"{k} {v}" for k, v in list(d.get("top", {}).items())[:8] if v >= 0.05)
                    print(f"| {n} | {e} | {d.get('total')} | {d.get('syncs')} | {top} |")
        else:
            print("\n```json\n" + json.dumps(data, indent=1, ensure_ascii=False) + "\n```")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    ap.add_argument("command", choices=("build", "verify", "bench", "lost", "durable", "footprint",
                                        "syscalls", "report"))  # fmt: skip
    ap.add_argument("files", nargs="*")
    ap.add_argument("--config", default=str(ROOT / "servers.toml"))
    ap.add_argument("--only", default="", help="comma-separated server names")
    ap.add_argument("--label", default="local")
    ap.add_argument("--clean", action="store_true")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=int, default=5)
    ap.add_argument("--endpoints", default="", help="comma-separated endpoint names")
    ap.add_argument("--trials", type=int, default=5)
    ap.add_argument("--starts", type=int, default=9)
    ap.add_argument("--count", type=int, default=300)
    args = ap.parse_args()

    config_path = Path(args.config).resolve()
    config = tomllib.loads(config_path.read_text())
    if args.command == "report":
        return do_report(args.files, config["baseline"])
    servers = [Server(spec, config_path.parent) for spec in config["server"]]
    if args.only:
        want = args.only.split(",")
        unknown = set(want) - {s.name for s in servers}
        if unknown:
            sys.exit(f"no such server: {', '.join(sorted(unknown))}")
        servers = [s for s in servers if s.name in want]
    else:
        servers = [s for s in servers if not s.spec.get("off")]
    RUN.mkdir(exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    doc = {
        "command": args.command,
        "label": args.label,
        "when": time.strftime("%Y-%m-%d %H:%M:%S"),
        "load": [round(x, 2) for x in os.getloadavg()],
        "cpus": CPUS,
        "kernel": platform.release(),
    }
    work = {"build": do_build, "verify": do_verify, "bench": do_bench, "lost": do_lost,
            "durable": do_durable, "footprint": do_footprint, "syscalls": do_syscalls}  # fmt: skip
    try:
        doc["data"] = work[args.command](servers, args)
    except KeyboardInterrupt:
        for s in servers:
            s.close()
        raise
    doc["load_after"] = [round(x, 2) for x in os.getloadavg()]
    path = RESULTS / f"{args.command}-{args.label}.json"
    path.write_text(json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    print(f"wrote results/{path.name}")
    if args.command == "verify" and any(d["failures"] for d in doc["data"].values()):
        sys.exit("servers that do not do the work are not worth measuring")


if __name__ == "__main__":
    main()
