"""What a site does while the server that keeps its sessions hangs, or is killed: real servers, real processes.

    outages.py TEST_SITE

Each store gets a private server.  It is stopped (SIGSTOP: it takes connections and does not answer) or killed (SIGKILL), and
comes back.  SQLite and files get a quota that is used up, and a folder that may not be written.  Meanwhile a request that needs the session fails soon, with an error in the log that names the store and a page
that does not; nobody is logged out; what needs no session goes on.  With `cached_db` reading, login and logout go on without
the cache, and a logout holds when the cache returns with what it held.

Python needs psycopg and pymysql, which tell when a database is up.
"""

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "conformance"))

from harness import services  # noqa: E402

# The limits in the settings below are two seconds and less; a loaded machine gets some more.
SOON = 8
# After this long a server that is back must be used again.
BACK = 20


class Server(services.Service):
    """A server that can be hung, killed and brought back."""

    def __init__(self, argv, port, **options):
        # A killed server must have kept what it said that it kept.
        argv = [word.replace("flush-log-at-trx-commit=0", "flush-log-at-trx-commit=1") for word in argv]
        self.how = (argv, port, options)
        super().__init__(argv, port, **options)

    def family(self):
        """The process and all that it started, youngest last."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open("/proc/%s/stat" % pid) as stat:
                    parents[int(pid)] = int(stat.read().rsplit(")", 1)[1].split()[1])
        found = [self.proc.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def signal(self, which):
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)

    def hang(self):
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.proc.wait()
        time.sleep(0.3)

    def start_again(self):
        argv, port, options = self.how
        super().__init__(argv, port, **options)


services.Service = Server


class Site:
    """The test site as a process."""

    def __init__(self, program, folder, settings, user=None, umask=-1):
        env = {"NUAGES_TEST_DIR": folder, "RUST_BACKTRACE": "0"}
        for name, value in dict(SETTINGS, **settings).items():
            env["NUAGES_" + name] = value
        subprocess.run([program, "migrate", "-v", "0"], cwd=folder, env=env, check=True)
        self.log = []
        if user:
            program = shutil.copy(program, folder)
        # A write beyond the limit is to be an error, not a signal: Python ignores that one, and so does what it starts.
        self.process = subprocess.Popen([program, "runserver", "0"], cwd=folder, env=env, text=True, user=user,
                                        umask=umask,
                                        restore_signals=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        threading.Thread(target=lambda: self.log.extend(iter(self.process.stderr.readline, "")), daemon=True).start()
        self.port = None
        for line in self.process.stdout:
            if line.startswith("Starting server at "):
                self.port = int(line.strip().rstrip("/").rsplit(":", 1)[1])
            if line.startswith("Quit the server"):
                break
        threading.Thread(target=lambda: list(self.process.stdout), daemon=True).start()

    def get(self, path, cookie=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={"Cookie": "sessionid=" + cookie} if cookie else {})
        response = connection.getresponse()
        body = response.read().decode()
        sent = response.getheader("Set-Cookie")
        connection.close()
        return Answer(response.status, body, sent)

    def stop(self):
        self.process.kill()
        self.process.wait()


SETTINGS = {
    "SECRET_KEY": "a key for tests alone, which signs nothing that anybody keeps",
    "ALLOWED_HOSTS": '["127.0.0.1"]',
    "INSTALLED_APPS": '["django.contrib.sessions"]',
    "MIDDLEWARE": '["django.contrib.sessions.middleware.SessionMiddleware"]',
    "DATABASES": '{default = {ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3"}}',
}
ENGINE = "django.contrib.sessions.backends."


class Answer:
    def __init__(self, status, body, sent):
        self.status, self.body, self.sent = status, body, sent

    @property
    def cookie(self):
        return self.sent.split(";")[0].split("=", 1)[1].strip('"') if self.sent else None

    def __repr__(self):
        return "%d %r %r" % (self.status, self.body[:200], self.sent)


def check(fine, *said):
    if not fine:
        raise SystemExit("FAILED: " + " ".join(map(str, said)))


def begin(site):
    answer = site.get("/keep/first/0/")
    check(answer.status == 200 and answer.cookie, "a session could not begin:", answer)
    return answer.cookie


def soon(what, call):
    begun = time.monotonic()
    answer = call()
    took = time.monotonic() - begun
    check(took < SOON, what, "took %.1f seconds:" % took, answer)
    return answer


def until(what, call):
    """Asks until the answer is a truth, which it must be in a while."""
    end = time.monotonic() + BACK
    while True:
        said = call()
        if said:
            return said
        check(time.monotonic() < end, what, "did not come about")
        time.sleep(0.2)


def logged(site, *parts):
    def found():
        return [line for line in list(site.log) if all(part in line for part in parts)]
    return until("a line in the log with %r" % (parts,), found)[-1].strip()


def all_fail(site, cookie, names, hidden):
    """Every way to use the session fails soon, by name in the log alone; nobody is logged out."""
    for path in ["/keys/", "/keep/late/0/", "/visits/"]:
        answer = soon(path, lambda: site.get(path, cookie))
        check(answer.status == 500, path, answer)
        check(answer.sent is None, "a visitor lost the cookie:", answer)
        for word in hidden:
            check(word not in answer.body, repr(word), "is on the page:", answer)
    logged(site, "Internal Server Error", *names)
    check(not any(cookie in line for line in list(site.log)), "a session's key is in the log")
    # Many at once do not queue up behind each other for ever, and do not keep others from what needs no session.
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(soon, "one of 30", lambda: site.get("/keys/", cookie)) for _ in range(30)]
        hello = soon("/hello/", lambda: site.get("/hello/"))
        check(hello.status == 200, hello)
        for answer in asked:
            check(answer.result().status == 500, answer.result())


def store_goes(name, server, site, names, hidden, keeps):
    """Hangs and kills the server of the only store."""
    for fault in ["hang", "kill"]:
        cookie = begin(site)
        site.log.clear()
        getattr(server, fault)()
        all_fail(site, cookie, names, hidden)
        said = logged(site, "Internal Server Error", *names)
        # The start of a logout that could not be stored may not look like one that was.
        other = soon("/leave/", lambda: site.get("/leave/", "0123456789abcdef0123456789abcdef"))
        check(other.status == 500, "a logout that did not happen:", other)
        if fault == "hang":
            server.go_on()
        else:
            server.start_again()
        answer = until("an answer of the server that is back", lambda: (
            lambda answer: answer if answer.status == 200 else None)(site.get("/keys/", cookie)))
        if fault == "hang" or keeps:
            check("first" in answer.body.split(), "the session is gone:", answer)
        check(begin(site) is not None)
        print("%-28s %-5s %s" % (name, fault, said[28:178]))


def cache_goes(name, cache, sites):
    """Hangs and kills the cache of cached_db."""
    site, neighbour = sites
    for fault in ["hang", "kill"]:
        kept, left = begin(site), begin(site)
        for one in sites:
            check("first" in one.get("/keys/", left).body and "first" in one.get("/keys/", kept).body)
        getattr(cache, fault)()
        answer = soon("reading", lambda: site.get("/keys/", kept))
        check((answer.status, answer.body) == (200, "first"), answer)
        answer = soon("a login", lambda: site.get("/keep/first/0/"))
        check(answer.status == 200 and answer.cookie, answer)
        new = answer.cookie
        answer = soon("a change", lambda: site.get("/keep/second/0/", kept))
        check(answer.status == 200, answer)
        answer = soon("a logout", lambda: site.get("/leave/", left))
        check(answer.status == 200 and answer.cookie == "", answer)
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            for answer in pool.map(lambda _: soon("one of 30", lambda: site.get("/keys/", kept)), range(30)):
                check(answer.status == 200, answer)
        if fault == "hang":
            cache.go_on()
        else:
            cache.start_again()
        end = time.monotonic() + 4
        while time.monotonic() < end:
            for one in sites:
                answer = one.get("/keys/", left)
                check((answer.status, answer.body) == (200, ""), "a logout was undone:", answer)
                check(set(one.get("/keys/", kept).body.split()) == {"first", "second"}, "a change is lost")
                check(one.get("/keys/", new).body == "first", "a login is lost")
            time.sleep(0.1)
        print("%-28s %-5s reading, login and logout went on; the logout holds" % (name, fault))


def disk_goes(name, site, names, when, back):
    """What is stored can be read while nothing can be written, and no visitor is told of a store that is none."""
    cookie = begin(site)
    when()
    answer = soon("reading", lambda: site.get("/keys/", cookie))
    check((answer.status, answer.body) == (200, "first"), answer)
    for path, sent in [("/keep/late/0/", cookie), ("/keep/first/0/", None), ("/visits/", cookie)]:
        answer = soon(path, lambda: site.get(path, sent))
        check(answer.status == 500 and answer.sent is None, path, answer)
        for word in names:
            check(word not in answer.body, repr(word), "is on the page:", answer)
    said = logged(site, "Internal Server Error", *names)
    check(not any(cookie in line for line in list(site.log)), "a session's key is in the log")
    back()
    answer = until("a write", lambda: (
        lambda answer: answer if answer.status == 200 else None)(site.get("/keep/second/0/", cookie)))
    check(set(site.get("/keys/", cookie).body.split()) == {"first", "second"})
    print("%-34s %s" % (name, said[28:178]))


def disks(site, stack):
    """A quota that is used up, and a folder that may not be written: the file engine and SQLite."""
    for engine, names in [("file", ["folder"]), ("db", ['"default"', "db.sqlite3"])]:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nuages-outage-"))
        on_it = site({"SESSION_ENGINE": '"%s%s"' % (ENGINE, engine), "SESSION_FILE_PATH": json.dumps(folder)}, folder)
        pid, (_, hard) = on_it.process.pid, resource.getrlimit(resource.RLIMIT_FSIZE)
        disk_goes("%s, the quota used up" % engine, on_it, names,
                  lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard)),
                  lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard)))
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nuages-outage-"))
    sessions = os.path.join(folder, "sessions")
    os.mkdir(sessions)
    # Root may write everywhere.
    user = "nobody" if os.getuid() == 0 else None
    if user:
        os.chmod(folder, 0o755)
        shutil.chown(sessions, user)
    on_it = site({"SESSION_ENGINE": '"%sfile"' % ENGINE, "SESSION_FILE_PATH": json.dumps(sessions)}, folder, user)
    disk_goes("file, the folder read-only", on_it, ["folder", sessions],
              lambda: os.chmod(sessions, 0o500), lambda: os.chmod(sessions, 0o700))


def modes(program, stack):
    """Files 0600 and folders 0700, though the umask forbids nothing and many threads write at once."""
    for name, settings, own in [
        ("file", {"SESSION_ENGINE": '"%sfile"' % ENGINE, "SESSION_FILE_PATH": '"sessions"'}, "sessions"),
        ("cache in files", {"SESSION_ENGINE": '"%scache"' % ENGINE, "CACHES": toml({"default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": "of/the/cache"}})}, "of"),
    ]:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nuages-modes-"))
        if name == "file":
            os.mkdir(os.path.join(folder, own), 0o700)
        site = Site(program, folder, settings, umask=0)
        stack.callback(site.stop)
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda _: begin(site), range(200)))
        found = {"file": set(), "folder": set()}
        for where, _, files in os.walk(os.path.join(folder, own)):
            found["folder"].add(oct(os.stat(where).st_mode & 0o777))
            found["file"].update(oct(os.stat(os.path.join(where, file)).st_mode & 0o777) for file in files)
        check(found == {"file": {"0o600"}, "folder": {"0o700"}}, name, found)
        print("%-34s 0600 in 0700 under 32 threads with umask 000" % name)


def toml(value):
    """A value in TOML's form, inline."""
    if isinstance(value, dict):
        return "{" + ", ".join("%s = %s" % (name, toml(inner)) for name, inner in value.items()) + "}"
    return json.dumps(value)


def database(url):
    scheme, rest = url.split("://")
    user, address = rest.split("@")
    where, name = address.split("/")
    host, port = where.split(":")
    return toml({"default": {
        "ENGINE": "django.db.backends." + {"postgres": "postgresql", "mysql": "mysql"}[scheme],
        "NAME": name, "USER": user, "HOST": host, "PORT": int(port),
        "OPTIONS": {"statement_timeout": 2, "pool": {"timeout": 2}},
    }})


def main(program):
    program = os.path.abspath(program)
    with contextlib.ExitStack() as stack:
        def site(settings, folder=None, user=None):
            folder = folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="nuages-outage-"))
            made = Site(program, folder, settings, user)
            stack.callback(made.stop)
            return made

        def started(server):
            stack.callback(server.stop)
            # A hung one would not hear that it is to end.
            stack.callback(server.go_on)
            return server

        modes(program, stack)
        disks(site, stack)
        for name, start in [("PostgreSQL", services.postgres), ("MariaDB", services.mariadb)]:
            server, url = start()
            started(server)
            on_it = site({"SESSION_ENGINE": '"%sdb"' % ENGINE, "DATABASES": database(url)})
            hidden = [str(server.port), "127.0.0.1", "default", "statement", "sql"]
            store_goes("db on " + name, server, on_it, ['"default"', "database"], hidden, keeps=True)
        caches = {
            "redis": (services.redis, "redis.RedisCache", "redis://127.0.0.1:%d",
                      {"socket_timeout": 1, "socket_connect_timeout": 1}),
            "memcached": (services.memcached, "memcached.PyMemcacheCache", "127.0.0.1:%d",
                          {"timeout": 1, "connect_timeout": 1}),
        }
        for name, (start, backend, location, options) in caches.items():
            server = started(start())
            entry = toml({"default": {"BACKEND": "django.core.cache.backends." + backend,
                                      "LOCATION": location % server.port, "OPTIONS": options}})
            on_it = site({"SESSION_ENGINE": '"%scache"' % ENGINE, "CACHES": entry})
            hidden = [str(server.port), "127.0.0.1", "default", name]
            names = ['"default"', "127.0.0.1:%d" % server.port]
            store_goes("cache on " + name, server, on_it, names, hidden, keeps=False)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nuages-outage-"))
            settings = {"SESSION_ENGINE": '"%scached_db"' % ENGINE, "CACHES": entry}
            cache_goes("cached_db with " + name, server, [site(settings, folder), site(settings, folder)])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
