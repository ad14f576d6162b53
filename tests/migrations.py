"""nuages and Django on one database: what one has migrated, the other finds done.

    migrations.py path/to/manage
"""

import os
import sqlite3
import subprocess
import sys
import tempfile

SETTINGS = """
SECRET_KEY = "migrations-test"
INSTALLED_APPS = ["django.contrib.sessions"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": %r}}
USE_TZ = True
"""

def run(command, env, expect=0):
    done = subprocess.run(command, env=env, text=True, capture_output=True, timeout=60)
    if done.returncode != expect:
        sys.exit("%s: exit status %s, not %s\n%s%s" % (" ".join(command), done.returncode, expect, done.stdout, done.stderr))
    return done.stdout

def check(what, holds, detail=""):
    if not holds:
        sys.exit("NOT SO: %s\n%s" % (what, detail))
    print("ok: %s" % what)

class Place:
    """A database file of its own, with both programs on it."""

    def __init__(self, folder, name, manage):
        self.file = os.path.join(folder, name + ".sqlite3")
        module = os.path.join(folder, name + "_settings.py")
        with open(module, "w", encoding="utf-8") as f:
            f.write(SETTINGS % self.file)
        self.manage = manage
        self.ours = dict(os.environ, NUAGES_DATABASES__default__NAME=self.file)
        self.theirs = dict(os.environ, DJANGO_SETTINGS_MODULE=name + "_settings", PYTHONPATH=folder)

    def nuages(self, *args, expect=0):
        return run([self.manage, *args], self.ours, expect)

    def django(self, *args, expect=0):
        return run([sys.executable, "-m", "django", *args], self.theirs, expect)

    def rows(self, query):
        with sqlite3.connect(self.file) as connection:
            return connection.execute(query).fetchall()

    def schema(self, table):
        definition = self.rows("SELECT type, name, sql FROM sqlite_master WHERE tbl_name = '%s' ORDER BY name" % table)
        columns = self.rows("PRAGMA table_info(%s)" % table)
        return definition, columns

def main(manage):
    manage = os.path.abspath(manage)
    with tempfile.TemporaryDirectory() as folder:
        ours = Place(folder, "ours", manage)

        said = ours.nuages("migrate")
        check("nuages applies sessions.0001_initial", "Applying sessions.0001_initial... OK" in said, said)
        said = ours.django("migrate", "--no-color")
        check("Django finds nothing to do on nuages' database", "No migrations to apply." in said, said)
        ours.django("migrate", "--check")

        theirs = Place(folder, "theirs", manage)
        theirs.django("migrate", "--no-color")
        said = theirs.nuages("migrate", "sessions")
        check("nuages finds nothing to do on Django's database", "No migrations to apply." in said, said)
        said = theirs.nuages("showmigrations", "sessions")
        check("nuages shows Django's migration as applied", "[X] 0001_initial" in said, said)
        for table in ("django_session", "django_migrations"):
            a, b = ours.schema(table), theirs.schema(table)
            check("the definition of %s is Django's" % table, a == b, "%r\n%r" % (a, b))
        applied = "SELECT app, name FROM django_migrations WHERE app = 'sessions'"
        check("django_migrations has Django's rows", ours.rows(applied) == theirs.rows(applied))
        form = "SELECT applied FROM django_migrations"
        lengths = {len(text) for (text,) in ours.rows(form)}
        check("times are written as Django writes them", lengths <= {19, 26}, lengths)

        ours.django("migrate", "sessions", "zero", "--no-color")
        said = ours.nuages("migrate", "sessions")
        check("nuages applies again what Django has unapplied", "Applying sessions.0001_initial... OK" in said, said)

if __name__ == "__main__":
    main(*sys.argv[1:])
