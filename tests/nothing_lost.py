"""What one side stored, the other side keeps: random values in a session survive any number of requests that touch other keys.

    nothing_lost.py path/to/exerciser [--engine db,cache] [--runs 50] [--seed N]

Django and nuages run on one store, of each engine in turn: a table, files, Redis, memcached, a table with Redis before it,
the cookie itself.  One of them fills a session with random values (nested, any Unicode and lone surrogates, integers of any
size, NaN, Python's own types where the store has them); the other one answers requests that set, delete and read other keys,
give the session a new key or an expiry, one after another or, where nuages answers them, several at once.  After every one
the store itself must hold each of those values, byte for byte as Django writes it, in its order.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pickle
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "conformance"))

from common import values  # noqa: E402
from django.core import signing  # noqa: E402
from django.core.cache.backends.memcached import PyMemcacheCache  # noqa: E402
from django.core.cache.backends.redis import RedisCache  # noqa: E402
from harness import services  # noqa: E402
from harness.gen import Gen  # noqa: E402
from harness.sites import REFERENCE, Site  # noqa: E402

SECRET_KEY = "nothing-lost-ключ"
SESSIONS = "django.contrib.sessions."
SERIALIZERS = "django.contrib.sessions.serializers."
CACHES = {
    "redis": ("django.core.cache.backends.redis.RedisCache", RedisCache),
    "memcached": ("django.core.cache.backends.memcached.PyMemcacheCache", PyMemcacheCache),
}
# Each engine, and the caches that it is tried on.
ENGINES = {
    "db": [None], "file": [None], "cache": ["redis", "memcached"], "cached_db": ["redis"], "signed_cookies": [None],
}
# The keys that the second side touches begin so; the first side's never do.
TOUCHED = "touched "


class Payload:
    """A serializer for signing.loads that leaves the serialized bytes alone."""

    def loads(self, data):
        return data


class Store:
    """What both sites use, and what lies in it."""

    def __init__(self, folder, engine, serializer, cache, location):
        self.engine, self.serializer = engine, serializer
        self.name = engine + (" on " + cache if cache else "")
        self.file = os.path.join(folder, "db.sqlite3")
        self.files = os.path.join(folder, "files")
        os.mkdir(self.files)
        self.settings = {
            "SECRET_KEY": SECRET_KEY,
            "SESSION_ENGINE": SESSIONS + "backends." + engine,
            "SESSION_SERIALIZER": SERIALIZERS + {"json": "JSONSerializer", "pickle": "PickleSerializer"}[serializer],
            "SESSION_FILE_PATH": self.files,
            "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": self.file}},
        }
        self.cache = None
        if cache:
            name, cls = CACHES[cache]
            self.settings["CACHES"] = {"default": {"BACKEND": name, "LOCATION": location}}
            self.cache = cls(location, {})
            self.cache.clear()
        env = dict(os.environ, SITE_SETTINGS=json.dumps(self.settings))
        subprocess.run(REFERENCE + ["--init"], check=True, env=env, timeout=60)
        with sqlite3.connect(self.file) as connection:
            # Nobody pulls the plug here, and waiting for the disk is most of the time that this takes.
            connection.execute("PRAGMA journal_mode = WAL")

    @property
    def holds_python(self):
        """Whether a value that JSON has no word for comes back."""
        return self.serializer == "pickle" or self.engine == "cache"

    def payload(self, key):
        """The serialized dict under that session key."""
        salt = SESSIONS + "SessionStore"
        if self.engine == "signed_cookies":
            signed, salt = key, self.settings["SESSION_ENGINE"]
        elif self.engine == "file":
            with open(os.path.join(self.files, "sessionid" + key), encoding="ascii") as f:
                signed = f.read()
        else:
            with sqlite3.connect(self.file, timeout=20) as connection:
                query = "SELECT session_data FROM django_session WHERE session_key = ?"
                (signed,) = connection.execute(query, [key]).fetchone()
        return signing.loads(signed, key=SECRET_KEY, salt=salt, serializer=Payload, fallback_keys=[])

    def kept(self, key):
        """What is stored but for the touched keys: each key and value as bytes, in their order."""
        entry = self.cache.get(SESSIONS + self.engine + key) if self.cache else None
        if self.engine == "cache":
            return untouched(entry, dumps_pickle)
        payload = self.payload(key)
        if self.serializer == "json":
            data, form = json.loads(payload.decode("latin-1")), dumps_json
            assert dumps_json(data) == payload, "not Django's JSON: %r" % payload
        else:
            data, form = pickle.loads(payload), dumps_pickle
        kept = untouched(data, form)
        # A cache may have nothing; what it has is what the row holds.
        assert entry is None or untouched(entry, form) == kept, "the cache holds %r" % entry
        return kept


def untouched(data, form):
    return [(form(k), form(v)) for k, v in data.items() if not is_touched(k)]


def is_touched(key):
    return isinstance(key, str) and (key.startswith(TOUCHED) or key == "_session_expiry")


def dumps_json(value):
    return json.dumps(value, separators=(",", ":")).encode("latin-1")


def dumps_pickle(value):
    """The pickle of a value built anew: two that are equal may still share their parts in different ways."""
    anew = values.decode(json.loads(values.dumps(value)))
    return pickle.dumps(anew, pickle.HIGHEST_PROTOCOL)


class Visitor:
    """Somebody with one session on two sites."""

    def __init__(self):
        self.key = None

    def does(self, site, ops):
        headers = [("Cookie", "sessionid=" + self.key)] if self.key else []
        response = site.request("POST", "/ops/", json.dumps({"ops": ops}).encode(), headers)
        assert response.status == 200, "%s: %s to %s\n%r" % (site.label, response.status, ops, response.body)
        for cookie in response.all("Set-Cookie"):
            name, _, rest = cookie.partition("=")
            if name == "sessionid":
                self.key = rest.partition(";")[0]
        results = response.json()["results"]
        errors = [r for r in results if isinstance(r, dict) and set(r) == {"error"}]
        assert not errors, "%s: %s from %s" % (site.label, errors, ops)
        return results


def filling(gen, r):
    """The operations that put the values into a session."""
    ops = []
    for n in range(r.choice([1, 1, 2, 3, 5, 8])):
        key = gen.text()
        if isinstance(key, str) and (key.startswith("_session") or key.startswith(TOUCHED)):
            key = "key %d" % n
        ops.append(["set", key, gen.value()])
    return ops


def touching(gen, r, may_move):
    """Operations on other keys."""
    def one():
        key = TOUCHED + str(r.randint(0, 4))
        return r.choice([
            lambda: ["set", key, gen.value()],
            lambda: ["set", key, gen.value()],
            lambda: ["setdefault", key, gen.text()],
            lambda: ["pop", key, None],
            lambda: ["update", {key: gen.value(), TOUCHED + "too": 1}],
            lambda: ["keys"],
            lambda: ["get", key],
            lambda: ["set_modified", True],
            lambda: ["set_expiry", r.choice([None, 600, 86400])],
            lambda: ["cycle_key"] if may_move else ["has_key", key],
        ])()

    return [one() for _ in range(r.randint(1, 4))]


def sequence(store, first, second, gen, r, threads):
    """One session: how many values it held."""
    visitor = Visitor()
    visitor.does(first, filling(gen, r))
    stored = store.kept(visitor.key)
    assert stored, "nothing was stored"
    for _ in range(r.randint(1, 5)):
        if threads and r.random() < 0.3:
            done = [threads.submit(visitor.does, second, touching(gen, r, False)) for _ in range(4)]
            for request in done:
                request.result(timeout=60)
        else:
            visitor.does(second, touching(gen, r, True))
        assert store.kept(visitor.key) == stored, "%s lost something:\n  stored %r\n  now    %r" % (
            second.label, stored, store.kept(visitor.key))
    return len(stored)


def compare(command, store, runs, seed):
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        django = Site("django", store.settings, label="Django")
        # As a site has it, not as the comparison with Django needs it.
        own_ways = {"NUAGES_SESSION_SAVE_STRATEGY": "merge", "NUAGES_SESSION_DJANGO_FAULTS": "false"}
        nuages = Site([command], store.settings, env=own_ways, label="nuages")
        try:
            django.start()
            nuages.start()
            for first, second in ((django, nuages), (nuages, django)):
                began, count = time.monotonic(), 0
                # A cookie has no place in which the changes of two requests could meet.
                together = threads if second is nuages and store.engine != "signed_cookies" else None
                for run in range(runs):
                    name = "%s/%s/%s/%s/%d" % (seed, store.engine, store.serializer, first.label, run)
                    r = random.Random(name)
                    gen = Gen(r.random(), store.engine, store.serializer, None, () if store.holds_python else {"exotic", "nonstr_keys"})
                    try:
                        count += sequence(store, first, second, gen, r, together)
                    except AssertionError as fault:
                        sys.exit("NOT SO: %s, %s, %s first, run %d of seed %s: %s" % (
                            store.name, store.serializer, first.label, run, seed, fault))
                print("ok: %s, %s: %d values of %s in %d sessions survived %s (%.1f s)" % (
                    store.name, store.serializer, count, first.label, runs, second.label, time.monotonic() - began), flush=True)
        finally:
            nuages.stop()
            django.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("exerciser")
    parser.add_argument("--engine", default=",".join(ENGINES))
    parser.add_argument("--runs", type=int, default=50, help="sessions for each store, serializer and direction")
    parser.add_argument("--seed", default="1940")
    args = parser.parse_args()
    engines = args.engine.split(",")
    with contextlib.ExitStack() as stack:
        locations = {}
        if {"cache", "cached_db"} & set(engines):
            redis, memcached = (stack.enter_context(start()) for start in (services.redis, services.memcached))
            locations = {"redis": "redis://127.0.0.1:%d" % redis.port, "memcached": "127.0.0.1:%d" % memcached.port}
        for engine in engines:
            for cache in ENGINES[engine]:
                for serializer in ("json", "pickle"):
                    with tempfile.TemporaryDirectory() as folder:
                        store = Store(folder, engine, serializer, cache, locations.get(cache))
                        compare(os.path.abspath(args.exerciser), store, args.runs, args.seed)


if __name__ == "__main__":
    main()
