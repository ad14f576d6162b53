"""Makes collectstatic.json: what Django's own collectstatic says and leaves behind.

Run with Django 5.2:  python tests/vectors/make_static.py > tests/vectors/collectstatic.json
"""

import base64
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings
from django.core.files.storage import FileSystemStorage

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")

SITE = {
    "assets/site.css": "@import 'css/base.css';\n@import url(\"css/print.css\") print;\nbody { background: url(img/dot.png) }\n",
    "assets/css/base.css": "a { background: url( ../img/dot.png) }\nb { c: URL(\"../img/dot.png#frag\") }\n"
    "@font-face { src: url('../fonts/a.eot?#iefix') format('x'), url(../fonts/a.eot?v=1) }\n"
    "i { j: url(data:image/png;base64,AAAA), url(https://cdn.example.com/x.png), url(//cdn.example.com/y.png), url(/other/z.png), url(#id) }\n"
    "k { l: url(/static/img/dot.png) }\n/*# sourceMappingURL=base.css.map */\n",
    "assets/css/base.css.map": "{}",
    "assets/css/print.css": "p { q: url(../css/base.css) }",
    "assets/js/app.js": "import { a } from './lib.js';\nconsole.log(1)\n//# sourceMappingURL=app.js.map\n",
    "assets/js/app.js.map": '{"version":3}',
    "assets/js/lib.js": "export const a = 1;\n",
    "assets/fonts/a.eot": "eot",
    "assets/img/dot.png": PNG,
    "assets/img/été dot.png": PNG + b"2",
    "assets/deep/a/b/c.css": "x{y:url('../../../img/%C3%A9t%C3%A9%20dot.png')}",
    "assets/.hidden": "no",
    "assets/back.css~": "no",
    "assets/CVS/x": "no",
    "assets/noext": "plain",
    "assets/a.tar.gz": "not really",
    "assets/same.txt": "first",
    "extra/same.txt": "unlike the first",
    "extra/photo.txt": "x",
    "prefixed/photo.txt": "y",
}
CIRCLE = {"assets/a.css": "@import 'b.css';", "assets/b.css": "@import 'a.css';"}
MISSING = {"assets/a.css": "a{b:url(nope.png)}"}
LATIN = {"assets/a.css": b"/* \xe9 */"}
PLAIN = {"assets/a.css": "a{b:url(c.txt)}", "assets/c.txt": "c", "assets/skip/d.scss": "d", "assets/e.scss": "e"}

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
NORMAL = "django.contrib.staticfiles.storage.StaticFilesStorage"

CASES = [
    ("hashed", MANIFEST, SITE, [["--noinput", "-v2"], ["--noinput", "-v2"], ["--noinput", "--clear", "--dry-run"], ["--noinput", "--clear"]]),
    ("plain", NORMAL, SITE, [["--noinput", "-v2"], ["--noinput"], ["--noinput", "-v0"]]),
    ("ignored", NORMAL, PLAIN, [["--noinput", "-v2", "-i", "*.scss"], ["--noinput", "--dry-run", "-v2"], ["--noinput", "-i", "./skip/"]]),
    ("everything", NORMAL, SITE, [["--noinput", "--no-default-ignore", "-v2"]]),
    ("linked", NORMAL, PLAIN, [["--noinput", "--link", "-v2"], ["--noinput", "--link", "-v2"], ["--noinput", "-v2"], ["--noinput", "--link", "--dry-run", "-v2"]]),
    ("not processed", MANIFEST, PLAIN, [["--noinput", "--no-post-process", "-v2"]]),
    ("circle", MANIFEST, CIRCLE, [["--noinput"]]),
    ("missing", MANIFEST, MISSING, [["--noinput"]]),
    ("latin", MANIFEST, LATIN, [["--noinput"]]),
]


def sorted_listdir(self, path):
    """Folders as the file system lists them are in no order: here they are."""
    directories, files = [], []
    with os.scandir(self.path(path)) as entries:
        for entry in entries:
            (directories if entry.is_dir() else files).append(entry.name)
    return sorted(directories), sorted(files)


def tree(root):
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = {"link": os.readlink(path)}
        elif path.is_file():
            found[name] = {"b64": base64.b64encode(path.read_bytes()).decode()}
    return found


def main():
    base = Path(sys.argv[1])
    name, backend, files, runs = next(case for case in CASES if case[0] == sys.argv[2])
    for path, content in files.items():
        path = base / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    FileSystemStorage.listdir = sorted_listdir
    dirs = [str(base / "assets")]
    if (base / "extra").is_dir():
        dirs += [str(base / "extra"), ("more", str(base / "prefixed"))]
    settings.configure(
        SECRET_KEY="x", DEBUG=False, INSTALLED_APPS=["django.contrib.staticfiles"], STATIC_URL="/static/",
        STATIC_ROOT=str(base / "root"), STATICFILES_DIRS=dirs,
        STORAGES={"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}, "staticfiles": {"BACKEND": backend}},
    )
    django.setup()
    from django.core.management import call_command

    results = []
    for arguments in runs:
        out, err = io.StringIO(), io.StringIO()
        error = None
        try:
            call_command("collectstatic", *arguments, stdout=out, stderr=err)
        except Exception as raised:
            error = type(raised).__name__
        text = out.getvalue().replace(str(base), "BASE")
        results.append({"arguments": arguments, "out": text, "error": error, "failed": "failed!" in err.getvalue() and err.getvalue().splitlines()[0]})
    left = tree(base / "root") if (base / "root").is_dir() else {}
    for entry in left.values():
        if "link" in entry:
            entry["link"] = entry["link"].replace(str(base), "BASE")
    print(json.dumps({
        "name": name, "backend": backend, "prefixed": (base / "extra").is_dir(),
        "files": {path: base64.b64encode(content.encode() if isinstance(content, str) else content).decode() for path, content in files.items()},
        "runs": results, "left": left,
    }))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main()
    else:
        import subprocess

        cases = []
        for case in CASES:
            with tempfile.TemporaryDirectory() as base:
                done = subprocess.run([sys.executable, __file__, base, case[0]], check=True, capture_output=True, text=True)
                cases.append(json.loads(done.stdout))
        print(json.dumps({"about": "collectstatic: files -> what Django says, run by run, and what it leaves in STATIC_ROOT.", "django": django.get_version(), "cases": cases}, indent=1))
