"""Sessions over TLS: PostgreSQL and Redis with a certificate that this script makes and signs itself.

    tls.py TEST_SITE

TEST_SITE is built with `cargo build -p nuages-tests --features tls`.  With the right certificate authority sessions work and
the servers see encrypted connections; with another one, or for another name, every request that needs the session fails with
an error that names the store.  Needs openssl.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

import outages
from harness import services
from harness.sites import free_port
from outages import ENGINE, Server, Site, begin, check, logged, soon, toml


def authority(folder, name):
    key, certificate = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + name,
         "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", key, "-out", certificate])
    return key, certificate


def server_certificate(folder, ca):
    """For localhost, signed by the authority."""
    ca_key, ca_certificate = ca
    key, request, certificate, extra = (os.path.join(folder, "server." + end) for end in ["key", "csr", "pem", "ext"])
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", request])
    with open(extra, "w") as file:
        file.write("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
    run(["openssl", "x509", "-req", "-in", request, "-CA", ca_certificate, "-CAkey", ca_key, "-CAcreateserial",
         "-days", "2", "-extfile", extra, "-out", certificate])
    return key, certificate


def run(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def redis(folder, key, certificate):
    port = free_port()
    return Server(
        [services.redis_bin(), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "",
         "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no", "--dir", folder], port)


def postgres(key, certificate):
    """A server that takes encrypted connections alone."""
    server, url = services.postgres()
    data = server.how[0][server.how[0].index("-D") + 1]
    for source, name in [(key, "server.key"), (certificate, "server.crt")]:
        target = os.path.join(data, name)
        shutil.copy(source, target)
        os.chmod(target, 0o600)
        if server.how[2].get("user"):
            shutil.chown(target, server.how[2]["user"])
    with open(os.path.join(data, "pg_hba.conf"), "w") as file:
        file.write("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
    with open(os.path.join(data, "postgresql.conf"), "a") as file:
        file.write("ssl = on\n")
    server.kill()
    server.start_again()
    return server, url


def works(name, site):
    cookie = begin(site)
    answer = site.get("/keys/", cookie)
    check((answer.status, answer.body) == (200, "first"), name, answer)
    print("%-34s works" % name)


def fails(name, site, *parts):
    answer = soon(name, lambda: site.get("/keys/", "0123456789abcdef0123456789abcdef"))
    check(answer.status == 500 and answer.sent is None, name, answer)
    said = logged(site, "Internal Server Error", *parts)
    print("%-34s %s" % (name, said[28:200]))


def main(program):
    program = os.path.abspath(program)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nuages-tls-"))
        ours, theirs = authority(folder, "ours"), authority(folder, "theirs")
        key, certificate = server_certificate(folder, ours)

        def site(settings):
            made = Site(program, stack.enter_context(tempfile.TemporaryDirectory(prefix="nuages-tls-")), settings)
            stack.callback(made.stop)
            return made

        def cache(host, ca):
            entry = toml({"default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "rediss://%s:%d" % (host, server.port),
                "OPTIONS": {"ssl_ca_certs": ca[1], "socket_timeout": 2, "socket_connect_timeout": 2},
            }})
            return site({"SESSION_ENGINE": '"%scache"' % ENGINE, "CACHES": entry})

        server = redis(folder, key, certificate)
        stack.callback(server.stop)
        works("Redis", cache("localhost", ours))
        fails("Redis, another authority", cache("localhost", theirs), '"default"', "rediss://")
        fails("Redis, another name", cache("127.0.0.1", ours), '"default"', "rediss://")

        server, _ = postgres(key, certificate)
        stack.callback(server.stop)

        def database(host, ca, mode):
            return {"SESSION_ENGINE": '"%sdb"' % ENGINE, "DATABASES": toml({"default": {
                "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "conf", "HOST": host,
                "PORT": server.port, "OPTIONS": {"sslmode": mode, "sslrootcert": ca[1], "pool": {"timeout": 2}},
            }})}

        for mode in ["require", "verify-ca", "verify-full"]:
            works("PostgreSQL, " + mode, site(database("localhost", ours, mode)))
        for name, settings in [
            ("PostgreSQL, another authority", database("localhost", theirs, "verify-ca")),
            ("PostgreSQL, another name", database("127.0.0.1", ours, "verify-full")),
            ("PostgreSQL, without TLS", database("localhost", ours, "disable")),
        ]:
            env = {"NUAGES_TEST_DIR": folder}
            env.update(("NUAGES_" + key, value) for key, value in dict(outages.SETTINGS, **settings).items())
            said = subprocess.run([program, "migrate"], cwd=folder, env=env, text=True, capture_output=True)
            words = said.stderr.strip().replace("\n", " ")
            check(said.returncode != 0 and '"default"' in words, name, said)
            print("%-34s %s" % (name, words[:166]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
