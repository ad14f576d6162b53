"""Runs a command with private servers beside it, and ends them afterwards.

    with_services.py COMMAND [ARG ...]

PostgreSQL, MariaDB, Redis (one server, and a cluster of three), two memcacheds: each on a free port of 127.0.0.1 with a temporary
folder of its own.  The command finds them in its environment: NUAGES_TEST_POSTGRES, NUAGES_TEST_MYSQL, NUAGES_TEST_REDIS,
NUAGES_TEST_REDIS_CLUSTER (the nodes, separated by commas), NUAGES_TEST_MEMCACHED, NUAGES_TEST_MEMCACHED_SECOND.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "conformance"))

from harness import services  # noqa: E402
from harness.sites import free_port  # noqa: E402


def cluster_node():
    port = free_port()
    while port + 10000 > 65535:
        port = free_port()
    folder = tempfile.mkdtemp(prefix="nuages-redis-cluster-")
    return services.Service(
        [services.redis_bin(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
         "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--dir", folder],
        port, tmp=folder,
    )


def join(nodes):
    addresses = ["127.0.0.1:%d" % node.port for node in nodes]
    cli = services.which("redis-cli")
    subprocess.run([cli, "--cluster", "create", *addresses, "--cluster-replicas", "0", "--cluster-yes"],
                   check=True, stdout=subprocess.DEVNULL, timeout=60)
    deadline = time.time() + 30
    for node in nodes:
        while True:
            said = subprocess.run([cli, "-p", str(node.port), "cluster", "info"], text=True, capture_output=True, timeout=10)
            if "cluster_state:ok" in said.stdout:
                break
            if time.time() > deadline:
                raise SystemExit("the Redis cluster did not come up:\n" + said.stdout)
            time.sleep(0.1)
    return ",".join("redis://" + address for address in addresses)


def main(command):
    with contextlib.ExitStack() as stack:
        env = dict(os.environ, NUAGES_TEST_REQUIRE_SERVERS="1")
        service, env["NUAGES_TEST_POSTGRES"] = services.postgres()
        stack.callback(service.stop)
        service, env["NUAGES_TEST_MYSQL"] = services.mariadb()
        stack.callback(service.stop)
        redis = stack.enter_context(services.redis())
        env["NUAGES_TEST_REDIS"] = "redis://127.0.0.1:%d" % redis.port
        nodes = [stack.enter_context(cluster_node()) for _ in range(3)]
        env["NUAGES_TEST_REDIS_CLUSTER"] = join(nodes)
        memcached = stack.enter_context(services.memcached())
        env["NUAGES_TEST_MEMCACHED"] = "127.0.0.1:%d" % memcached.port
        memcached = stack.enter_context(services.memcached())
        env["NUAGES_TEST_MEMCACHED_SECOND"] = "127.0.0.1:%d" % memcached.port
        return subprocess.run(command, env=env).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
