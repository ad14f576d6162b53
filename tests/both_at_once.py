"""Django and nuages write one session at the same moment: nuages loses nothing, of its own keys or of Django's.

    both_at_once.py path/to/exerciser [--engine db,cache] [--rounds 6]

A save of Django's writes the whole session, so a key that nuages stored between Django's load and its save is gone: that is
Django's own.  Everything else has to stay, and a round is made so that it is known what that is:

* While Django reads, waits and sets a key, nuages answers eight requests that do the same.  Whatever was there before the round,
  Django has seen: it is there afterwards, and so is Django's key.
* Then nuages alone answers eight more.  All their keys are there.

At the end one of the two ends the session in the middle of the other one's requests: it does not come back.
"""

import argparse
import concurrent.futures
import contextlib
import os
import sys
import tempfile
import time

from nothing_lost import ENGINES, Store, Visitor
from harness import databases, services
from harness.sites import Site

OWN_WAYS = {"NUAGES_SESSION_SAVE_STRATEGY": "merge", "NUAGES_SESSION_DJANGO_FAULTS": "false"}
AT_ONCE = 8


class Session:
    """One visitor's session on both sites."""

    def __init__(self, threads, store, django, nuages):
        self.threads, self.store, self.django, self.nuages = threads, store, django, nuages
        visitor = Visitor()
        visitor.does(nuages, [["set", "first", "1"]])
        self.headers = [("Cookie", "sessionid=" + visitor.key)]
        self.overwritten = 0

    def sets(self, site, key, wait):
        """Begins a request that reads, waits so many milliseconds, and sets a key."""
        path = "/sleepset/?key=%s&ms=%d" % (key, wait)
        return self.threads.submit(site.request, "GET", path, None, self.headers)

    def keys(self, site):
        response = site.request("POST", "/ops/", b'{"ops": [["keys"]]}', self.headers)
        assert response.status == 200, "%s: %s" % (site.label, response.status)
        return set(response.json()["results"][0])

    def storm(self, names):
        return [self.sets(self.nuages, name, 7 * n) for n, name in enumerate(names)]

    def round(self, number):
        before = self.keys(self.nuages)
        during, after = (["%s-%d-%d" % (when, number, n) for n in range(AT_ONCE)] for when in ("during", "after"))
        own = "django-%d" % number
        requests = [self.sets(self.django, own, 25), *self.storm(during)]
        answered(requests, {200})
        seen = self.keys(self.nuages)
        # Django takes no lock on a file: its key may be overwritten between two system calls.
        expected = before if self.store.engine == "file" else before | {own}
        assert expected <= seen, "lost beside Django: %s" % sorted(expected - seen)
        answered(self.storm(after), {200})
        expected = seen | set(after)
        for site in (self.nuages, self.django):
            now = self.keys(site)
            assert expected <= now, "lost by nuages alone, as %s sees it: %s" % (site.label, sorted(expected - now))
        self.overwritten += len(set(during) - now)

    def ends(self):
        """Django ends the session while nuages answers."""
        requests = self.storm(["late-%d" % n for n in range(AT_ONCE)])
        time.sleep(0.03)
        response = self.django.request("POST", "/ops/", b'{"ops": [["flush"]]}', self.headers)
        assert response.status == 200, response.status
        # Stored before the end; found deleted when it was to be stored; or so late that it began a session of its own.
        answered(requests, {200, 400})
        for site in (self.nuages, self.django):
            assert not self.keys(site), "%s still has the session that Django ended: %s" % (site.label, self.keys(site))


def answered(requests, statuses):
    for request in requests:
        response = request.result(timeout=60)
        assert response.status in statuses, "%d: %r" % (response.status, response.body)


def compare(command, store, rounds, threads):
    django = Site("django", store.settings, label="Django")
    nuages = Site([command], store.settings, env=OWN_WAYS, label="nuages")
    try:
        django.start()
        nuages.start()
        began = time.monotonic()
        session = Session(threads, store, django, nuages)
        for number in range(rounds):
            session.round(number)
        for _ in range(rounds):
            Session(threads, store, django, nuages).ends()
    except AssertionError as fault:
        sys.exit("NOT SO: %s: %s" % (store.name, fault))
    finally:
        nuages.stop()
        django.stop()
    print("ok: %s: of %d keys that nuages stored, Django overwrote %d, and nuages lost none; what Django ended stayed so (%.1f s)" % (
        store.name, 2 * rounds * AT_ONCE, session.overwritten, time.monotonic() - began), flush=True)


def stores(engines, stack):
    """Each engine on each of its grounds."""
    redis, memcached = (stack.enter_context(start()) for start in (services.redis, services.memcached))
    locations = {"redis": "redis://127.0.0.1:%d" % redis.port, "memcached": "127.0.0.1:%d" % memcached.port}
    for engine in engines:
        for cache in ENGINES[engine]:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            yield Store(folder, engine, "json", cache, locations.get(cache))
        for server in ("postgres", "mysql") if engine == "db" else ():
            service, url = databases.server(server)
            stack.callback(service.stop)
            store = Store(stack.enter_context(tempfile.TemporaryDirectory()), engine, "json", None, None)
            store.name += " on " + server
            store.settings["DATABASES"] = {"default": {"URL": databases.make_database(url, "both_at_once")}}
            yield store


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("exerciser")
    # A cookie has no place in which two requests could meet.
    parser.add_argument("--engine", default=",".join(engine for engine in ENGINES if engine != "signed_cookies"))
    parser.add_argument("--rounds", type=int, default=6)
    args = parser.parse_args()
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(AT_ONCE + 1) as threads:
        for store in stores(args.engine.split(","), stack):
            compare(os.path.abspath(args.exerciser), store, args.rounds, threads)


if __name__ == "__main__":
    main()
