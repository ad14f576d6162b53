"""A site under test as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import time


class SiteError(Exception):
    pass


class SiteProcess:
    """Starts a site, waits until it listens, and ends its process group."""

    def __init__(self, argv, settings, env=None, log=None, label="", cwd=None):
        self.argv = argv
        self.settings = settings
        self.env = env or {}
        self.log_path = log
        self.label = label
        self.cwd = cwd
        self.proc = None
        self.host = self.port = None

    def launch(self, host, port):
        self.host, self.port = host, port
        env = dict(os.environ)
        env.pop("DJANGO_SETTINGS_MODULE", None)
        env.update(self.env, HOST=host, PORT=str(port), SITE_SETTINGS=json.dumps(self.settings))
        self._log = open(self.log_path, "ab") if self.log_path else subprocess.DEVNULL
        self.proc = subprocess.Popen(
            self.argv,
            env=env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def wait_ready(self, wait=60):
        deadline = time.time() + wait
        while True:
            if self.proc.poll() is not None:
                raise SiteError(
                    "%s: exited with %s before listening (log: %s)"
                    % (self.label, self.proc.returncode, self.log_path)
                )
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
                return self
            except OSError:
                if time.time() > deadline:
                    self.stop()
                    raise SiteError(
                        "%s: not listening on %s:%s after %ss"
                        % (self.label, self.host, self.port, wait)
                    )
                time.sleep(0.02)

    def stop(self):
        """Ends the process group that launch() made, and only that."""
        if self.proc is None:
            return
        for sig, patience in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(self.proc.pid, sig)
            except (ProcessLookupError, PermissionError):
                pass
            try:
                self.proc.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        self.proc = None
        if self._log is not subprocess.DEVNULL:
            self._log.close()
