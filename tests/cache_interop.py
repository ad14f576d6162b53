"""Shares every cache between Django and nuages, both ways: values of every kind, counts, keys, times.

    python tests/cache_interop.py file db redis=redis://127.0.0.1:6379/9 memcached=127.0.0.1:11211,127.0.0.1:11212

The Python needs Django 5.2, redis and pymemcache. What the servers hold is deleted.
"""

import datetime
import decimal
import os
import subprocess
import sys
import tempfile
import uuid

import django
from django.conf import settings

UTC = datetime.timezone.utc
# The same, in the same order, as `every_kind` of cache_contract/mod.rs.
EVERY_KIND = [
    None, True, False, 0, 5, -5, 2**63 - 1, -(2**63), -1180591620717411303424, 1.0, -0.5, float("inf"),
    "", "text", "5", "日本語 \U0001f600\r\n\0", b"", bytes(range(256)), b"5", bytearray(b"abc"),
    [1, 1.0, True], (1, "a"), {1}, frozenset({"a"}), {"book": 2, "notes": ["é", None]}, {},
    datetime.datetime(2026, 12, 6, 6, 3, 52, 640797), datetime.datetime(2026, 12, 6, 6, 3, 52, tzinfo=UTC),
    datetime.date(2026, 12, 6), datetime.time(6, 3, 52, 640797), datetime.timedelta(-1, 5, 7),
    decimal.Decimal("-12.340"), uuid.UUID(int=7), complex(1.5, -2.0),
]
BACKENDS = {
    "file": "filebased.FileBasedCache",
    "db": "db.DatabaseCache",
    "redis": "redis.RedisCache",
    "memcached": "memcached.PyMemcacheCache",
}


def main(words):
    folder = tempfile.mkdtemp(prefix="cache-interop-")
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db.sqlite3"}
    caches = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    for word in words:
        kind, _, location = word.partition("=")
        location = location or {"file": f"{folder}/files", "db": "shared_cache"}[kind]
        caches[kind] = {
            "BACKEND": f"django.core.cache.backends.{BACKENDS[kind]}",
            "LOCATION": location, "KEY_PREFIX": "shared", "VERSION": 3, "OPTIONS": {},
        }
    settings.configure(DATABASES={"default": database}, CACHES=caches, SECRET_KEY="interop", USE_TZ=True)
    django.setup()
    from django.core.cache import caches as django_caches
    from django.core.management import call_command

    call_command("createcachetable")
    wrong = []
    for kind in [word.partition("=")[0] for word in words]:
        cache = django_caches[kind]
        cache.clear()
        for number, value in enumerate(EVERY_KIND):
            cache.set(f"django{number}", value, 100)
        cache.set("forever", "kept", None)
        cache.set("count", 40, 100)
        entry = caches[kind]
        nuages = (
            'SECRET_KEY = "interop"\n'
            f'DATABASES = {{ default = {{ ENGINE = "{database["ENGINE"]}", NAME = "{database["NAME"]}" }} }}\n'
            "[CACHES.default]\n"
            f'BACKEND = "{entry["BACKEND"]}"\nLOCATION = "{entry["LOCATION"]}"\n'
            'KEY_PREFIX = "shared"\nVERSION = 3\n'
        )
        test = ["cargo", "test", "-q", "-p", "nuages-tests", "--test", "cache_backends", "django_and_nuages"]
        ran = subprocess.run(test, env={**os.environ, "NUAGES_TEST_CACHE_INTEROP": nuages},
                             capture_output=True, text=True)
        if ran.returncode:
            wrong.append(f"{kind}: nuages: {ran.stdout}{ran.stderr}")
        for number, value in enumerate(EVERY_KIND):
            found = cache.get(f"nuages{number}", "missing")
            if (type(found), repr(found)) != (type(value), repr(value)):
                wrong.append(f"{kind}: {value!r} came back as {found!r}")
        for key, value in [("count", 42), ("forever", "replaced")]:
            if cache.get(key) != value:
                wrong.append(f"{kind}: {key} is {cache.get(key)!r}")
        cache.incr("count", 3)
        if cache.get("count") != 45:
            wrong.append(f"{kind}: Django does not count on: {cache.get('count')!r}")
        print(f"{kind}: {'FAILED' if wrong else 'ok'}, {len(EVERY_KIND)} kinds of values each way")
    for line in wrong:
        print(line)
    return bool(wrong)


sys.exit(main(sys.argv[1:]))
