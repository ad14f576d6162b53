"""A browser to steer: headless Chromium through chromedriver, in the words of W3C WebDriver, over plain HTTP."""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

PATIENCE = 30
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--window-size=1280,900",
]


class WebDriverError(Exception):
    """What the driver says when it cannot do something: its error code and message."""

    def __init__(self, code, message):
        super().__init__("%s: %s" % (code, message.splitlines()[0] if message else ""))
        self.code = code


class Process:
    """A program of ours, in a process group of its own: its lines are kept, and it is ended by its id."""

    def __init__(self, command, env=None):
        self.lines = []
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for_line(self, pattern):
        """The first match in what the program said, or TimeoutError with all of that."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            over = self.process.poll() is not None
            if over:
                self.reader.join(PATIENCE)
            for line in list(self.lines):
                if found := re.search(pattern, line):
                    return found
            if over:
                break
            time.sleep(0.02)
        raise TimeoutError("%s did not say %r:\n%s" % (self.process.args[0], pattern, "\n".join(self.lines)))

    def end(self):
        """Asks it to end, insists if it must, and gives its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        status = self.process.wait(PATIENCE)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # What it started and did not end itself.
        except ProcessLookupError:
            pass
        self.reader.join(PATIENCE)
        return status


class Browser:
    """One browser with a profile of its own: `with Browser() as browser: browser.open(url)`."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = Process(["chromedriver", "--port=0"], env=dict(os.environ, TMPDIR=self.folder.name))
        try:
            port = self.driver.wait_for_line(r"started successfully on port (\d+)").group(1)
            self.root = "http://127.0.0.1:%s" % port
            options = {"args": FLAGS + ["--user-data-dir=" + os.path.join(self.folder.name, "profile")]}
            wanted = {
                "browserName": "chrome",
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
                "timeouts": {"pageLoad": PATIENCE * 1000, "script": PATIENCE * 1000, "implicit": 0},
            }
            session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self.root += "/session/" + session["sessionId"]
        except BaseException:
            self.driver.end()
            self.folder.cleanup()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._call("DELETE", "")
        except (WebDriverError, OSError):
            pass  # It is ended below in any case.
        self.driver.end()
        self.folder.cleanup()

    def _call(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        # The driver is on this machine: whatever proxy the environment names is not for it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=2 * PATIENCE) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise WebDriverError(value["error"], value["message"]) from None

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def url(self):
        return self._call("GET", "/url")

    def find(self, css=None, xpath=None):
        """The one element that matches, or None; more than one is an error."""
        using, value = ("css selector", css) if css else ("xpath", xpath)
        found = self._call("POST", "/elements", {"using": using, "value": value})
        if len(found) > 1:
            raise WebDriverError("not one element", "%d elements match %s" % (len(found), value))
        return found[0][ELEMENT] if found else None

    def the(self, css=None, xpath=None):
        """The one element that matches."""
        element = self.find(css, xpath)
        if element is None:
            raise WebDriverError("no such element", "%s on %s" % (css or xpath, self.url()))
        return element

    def text(self, css=None, xpath=None):
        """What a person reads there."""
        return self._call("GET", "/element/%s/text" % self.the(css, xpath))

    def type(self, css, text):
        element = self.the(css)
        self._call("POST", "/element/%s/clear" % element)
        self._call("POST", "/element/%s/value" % element, {"text": text})

    def tick(self, css):
        self._call("POST", "/element/%s/click" % self.the(css))

    def turn(self, css=None, xpath=None):
        """Clicks what leads to another page, and waits until that is there."""
        before = self.the("html")
        self._call("POST", "/element/%s/click" % self.the(css, xpath))
        self._next_page(before)

    def reload(self):
        before = self.the("html")
        self._call("POST", "/refresh")
        self._next_page(before)

    def back(self):
        before = self.the("html")
        self._call("POST", "/back")
        self._next_page(before)

    def _next_page(self, before):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.find("html") not in (None, before) and self.script("return document.readyState") == "complete":
                    return
            except WebDriverError as error:
                if error.code not in ("stale element reference", "no such window", "unknown error"):
                    raise
            time.sleep(0.02)
        raise TimeoutError("no other page came after %s" % self.url())

    def script(self, text, *args):
        return self._call("POST", "/execute/sync", {"script": text, "args": list(args)})

    def cookies(self):
        """The cookies that go to this page, by name."""
        return {cookie["name"]: cookie for cookie in self._call("GET", "/cookie")}

    def set_cookie(self, name, value):
        self._call("POST", "/cookie", {"cookie": {"name": name, "value": value, "path": "/", "httpOnly": True}})

    def delete_cookies(self):
        self._call("DELETE", "/cookie")

    def width(self, pixels):
        """Makes the page that wide, as a phone would; None for the window's own width."""
        size = {"width": pixels or 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": size})

    def new_complaints(self):
        """What the console has said since the last time: errors and warnings, of scripts, styles and the network."""
        said = self._call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in said if entry["level"] in ("WARNING", "SEVERE")]
