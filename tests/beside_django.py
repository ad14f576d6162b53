"""The walk of docs/sessions.md, "Running beside Django, step by step": its files are written, its commands run, its answers
compared, as they stand there.

    beside_django.py path/to/manage

`python` is the Python that runs this, `cargo run --` the program that is named, /srv/mysite a temporary folder, ports 8001
and 8002 free ones.  `curl` is played by Python, so that nothing else need be installed.
"""

import http.client
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
from webdriver import Process

HERE = os.path.dirname(os.path.abspath(__file__))
GUIDE = os.path.join(HERE, os.pardir, "docs", "sessions.md")
HEADING = "## Running beside Django, step by step"
PATIENCE = 30


def check(what, holds, detail=""):
    if not holds:
        sys.exit("NOT SO: %s\n%s" % (what, detail))
    print("ok: %s" % what)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Guide:
    """The chapter: its files, its commands in their order, its table of keys."""

    def __init__(self, translate):
        with open(GUIDE, encoding="utf-8") as f:
            text = f.read()
        check("the guide has the chapter", text.count("\n%s\n" % HEADING) == 1)
        chapter = re.split(r"\n## ", text.split(HEADING + "\n")[1])[0]
        self.files, self.commands = {}, []
        for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", chapter, re.M | re.S):
            if language in ("python", "toml"):
                name, rest = re.fullmatch(r"# (/srv/mysite/\S+)\n(.*)", block, re.S).groups()
                self.files[translate(name)] = translate(rest)
            else:
                self.commands += [translate(line) for line in block.splitlines()]
        self.keys = [
            (step, key, [fallback] if fallback else [])
            for step, key, fallback in re.findall(r"^\| ([^|]+) \| `([a-z-]+)` \| (?:`([a-z-]+)` )?\|$", chapter, re.M)
        ]
        check("the chapter has files, commands and keys", (len(self.files), len(self.keys)) == (4, 4) and self.commands,
              (list(self.files), self.keys))


class Walk:
    """Two servers and a folder."""

    def __init__(self, manage, folder):
        self.manage, self.folder = manage, folder
        self.ports = {"8001": free_port(), "8002": free_port()}
        self.servers = {}
        self.starts = {}
        # The settings are those of the guide alone.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("NUAGES_", "DJANGO_"))}

    def translate(self, text):
        text = text.replace("/srv/mysite", self.folder)
        for shown, port in self.ports.items():
            text = re.sub(r"\b%s\b" % shown, str(port), text)
        return text

    def run(self, command):
        """One line of the guide; what it answers, if somebody may want to know."""
        words = shlex.split(command)
        if words[0] == "curl":
            return self.curl(words[1:])
        if words[0] == "cp":
            source, target = words[1:]
            shutil.copyfile(os.path.join(self.folder, source), os.path.join(self.folder, target))
            return None
        if words[0] == "python":
            words[:1] = [sys.executable]
        elif words[:3] == ["cargo", "run", "--"]:
            words[:3] = [self.manage]
        else:
            sys.exit("the guide has a command that this script does not know: %s" % command)
        if "runserver" in words:
            self.start(words)
            return None
        done = subprocess.run(words, env=self.env, text=True, capture_output=True, timeout=2 * PATIENCE)
        check(command, done.returncode == 0, done.stdout + done.stderr)
        return None

    def start(self, words):
        (port,) = (int(word) for word in words if word.isdigit())
        self.starts[port] = words
        server = self.servers[port] = Process(words, self.env)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and server.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                print("ok: serving on port %d" % port)
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("NOT SO: %s serves on port %d\n%s" % (words, port, "\n".join(server.lines)))

    def restart(self, port):
        self.servers.pop(port).end()
        self.start(self.starts[port])

    def end(self):
        for server in self.servers.values():
            server.end()

    def curl(self, words):
        """-b FILE: send these cookies; -c FILE: keep what comes back; -d DATA: post that."""
        options, url = dict(zip(words[:-1:2], words[1:-1:2])), words[-1]
        if set(options) - {"-b", "-c", "-d"}:
            sys.exit("this script cannot play curl with %s" % words)
        jar = self.jar(options["-b"])
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
        headers = {"Cookie": "; ".join("%s=%s" % cookie for cookie in jar.items())} if jar else {}
        if "-d" in options:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request("POST" if "-d" in options else "GET", parts.path, options.get("-d"), headers)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        if response.status not in (200, 302):
            sys.exit("NOT SO: %s answers %d\n%s" % (url, response.status, body))
        for cookie in response.headers.get_all("Set-Cookie", []):
            pair, _, attributes = cookie.partition(";")
            name, _, value = pair.partition("=")
            jar.pop(name, None)
            if not re.search(r"max-age=0(;|$)", attributes, re.I):
                jar[name] = value
        if "-c" in options:
            with open(os.path.join(self.folder, options["-c"]), "w", encoding="ascii") as f:
                f.writelines("%s=%s\n" % cookie for cookie in jar.items())
        return body

    def jar(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return {}
        with open(path, encoding="ascii") as f:
            return dict(line.rstrip("\n").split("=", 1) for line in f)

    # What the guide says in its table of keys.

    def greets(self, what, jar, name):
        """Both servers know the visitor of that jar by that name."""
        for shown, path in (("8001", "/"), ("8002", "/student/get/")):
            body = self.run("curl -b %s http://127.0.0.1:%d%s" % (jar, self.ports[shown], path))
            check("%s: port %s greets %s" % (what, shown, name), "Hello, %s!" % name in body, body)

    def rotate(self, guide):
        django, nuages = self.ports["8001"], self.ports["8002"]
        files = {
            port: next(name for name in guide.files if name.endswith(end))
            for port, end in ((django, "settings.py"), (nuages, "nuages.toml"))
        }
        self.run("curl -b early -c early -d name=Early http://127.0.0.1:%d/login/" % django)
        names = iter(["Dechen", "Karma", "Lhamo", "Norbu", "Phuntsho", "Rinzin", "Sonam", "Ugyen"])
        first = guide.keys[0][1]
        check("the files begin with the key %s" % first, all('SECRET_KEY = "%s"\n' % first in guide.files[f] for f in files.values()))
        for step, key, fallbacks in guide.keys[1:]:
            # First one side alone takes the step, then the other one too; who goes first changes.
            order = [nuages, django] if "know" in step else [django, nuages]
            for port in order:
                lines = 'SECRET_KEY = "%s"\nSECRET_KEY_FALLBACKS = [%s]\n' % (key, ", ".join('"%s"' % f for f in fallbacks))
                with open(files[port], encoding="utf-8") as f:
                    text, count = re.subn(r'SECRET_KEY = .*\nSECRET_KEY_FALLBACKS = .*\n', lines, f.read())
                check("%s: port %d" % (step, port), count == 1)
                with open(files[port], "w", encoding="utf-8") as f:
                    f.write(text)
                self.restart(port)
                if fallbacks:
                    self.greets(step, "early", "Early")
                for writer, path in ((django, "/login/"), (nuages, "/student/set/")):
                    name = next(names, "Wangmo")
                    self.run("curl -b late -c late -d name=%s http://127.0.0.1:%d%s" % (name, writer, path))
                    self.greets(step, "late", name)
        self.greets("nobody saved it since", "early", "Guest")


def main(manage):
    with tempfile.TemporaryDirectory() as folder:
        walk = Walk(os.path.abspath(manage), folder)
        guide = Guide(walk.translate)
        for name, text in guide.files.items():
            with open(name, "w", encoding="utf-8") as f:
                f.write(text)
        try:
            answer = None
            for line in guide.commands:
                if line.startswith("# "):
                    check(line[2:], answer is not None and line[2:] in answer, answer)
                else:
                    answer = walk.run(line)
            walk.rotate(guide)
        finally:
            walk.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
