"""make install and uninstall with several sets of directories, and what configure says is missing.

Nothing is compiled: the program under test is put where make would build it, and make is told that it is done.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

import postgres
from conftest import TOP, clean_environment, scratch

ROOMS = ("apache", "kubernetes", "lighttpd", "nginx", "systemd")
PROGRAMS = {"jobstatus.fcgi": postgres.program, "jobstatus-report": postgres.report}
LIBRARIES = ("src/libjobstatus.a", "src/libreport.a")
BUILT = (*PROGRAMS, *LIBRARIES)
# What a build in place may have left: make would take it for its own.
LEFT = ("./.git", "./autom4te.cache", "./Makefile", "./config.status", "./build.h", "./stamp-h1", "./samples.paths",
        ".deps", ".dirstamp", "*.o", "*.a", "*.log", "*.trs")

DEFAULTS = {
    "program": "/usr/local/libexec/jobstatus", "bin": "/usr/local/bin", "sql": "/usr/local/share/jobstatus/sql",
    "doc": "/usr/local/share/doc/jobstatus", "man": "/usr/local/share/man",
    "completions": "/usr/local/share/bash-completion/completions",
    "units": "/usr/local/lib/systemd/system", "sysusers": "/usr/local/lib/sysusers.d"}
USR = {kind: path.replace("/usr/local", "/usr") for kind, path in DEFAULTS.items()}
SETS = {  # configure's arguments, make's arguments, where things are then
    "defaults": ([], [], DEFAULTS),
    "prefix": (["--prefix=/usr"], [], USR),
    "exec_prefix": (["--prefix=/usr", "--exec-prefix=/exec"], [],
                    dict(USR, program="/exec/libexec/jobstatus", bin="/exec/bin")),
    "datarootdir": (["--prefix=/usr", "--datarootdir=/root"], [],
                    dict(USR, sql="/root/jobstatus/sql", doc="/root/doc/jobstatus", man="/root/man",
                         completions="/root/bash-completion/completions")),
    "each": (["--prefix=/p", "--libexecdir=/le", "--datadir=/da", "--docdir=/do/js", "--mandir=/ma",
              "--sysconfdir=/etc", "--localstatedir=/var", "--runstatedir=/run", "--bindir=/bi", "--libdir=/li"], [],
             {"program": "/le/jobstatus", "bin": "/bi", "sql": "/da/jobstatus/sql", "doc": "/do/js", "man": "/ma",
              "completions": "/da/bash-completion/completions",
              "units": "/p/lib/systemd/system", "sysusers": "/p/lib/sysusers.d"}),
    "make's prefix": ([], ["prefix=/usr"], USR),
    "make's directories": (["--prefix=/usr"],
                           ["libexecdir=/x", "docdir=/y", "systemdsystemunitdir=/etc/systemd/system"],
                           dict(USR, program="/x/jobstatus", doc="/y", units="/etc/systemd/system")),
}


@pytest.fixture(scope="module")
def source():
    """A copy of the sources with configure, which another configuration in place would keep from working."""
    with scratch() as path:
        left = ["--exclude=" + name for name in LEFT]
        tar = subprocess.Popen(["tar", *left, "--mode=u+rwX", "-C", str(TOP), "-cf", "-", "."], stdout=subprocess.PIPE)
        (path / "source").mkdir()
        subprocess.run(["tar", "-C", str(path / "source"), "-xf", "-"], stdin=tar.stdout, check=True)
        assert tar.wait() == 0
        if not (path / "source" / "configure").exists():
            subprocess.run(["autoreconf", "-fi"], cwd=path / "source", check=True, capture_output=True)
        yield path / "source"


def run(directory, *command, **env):
    """A command without the variables of a make around this one."""
    env = {key: value for key, value in clean_environment(**env).items()
           if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR", "CONFIG_SITE")}
    return subprocess.run(command, cwd=directory, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, umask=0o022)


@pytest.fixture(scope="module")
def build(source):
    """Configures out of tree, once for each set of options, and gives make without anything left to compile."""
    made = {}

    def configured(*options):
        place = source.parent / ("build%d" % made.setdefault(options, len(made)))
        if not place.exists():
            (place / "src").mkdir(parents=True)
            done = run(place, str(source / "configure"), "--cache-file=%s" % (source / "cache"),
                       "--disable-dependency-tracking", *options)
            assert done.returncode == 0, done.stderr
            for name, program in PROGRAMS.items():
                shutil.copy2(program(), place / name)
            for name in LIBRARIES:
                (place / name).touch()

        def make(*words):
            old = " ".join("-o " + name for name in BUILT)
            # A make that make starts does not inherit -o.
            done = run(place, "make", "AM_MAKEFLAGS=" + old, *old.split(), *words)
            assert done.returncode == 0, done.stdout + done.stderr
        make.place = place
        return make
    return configured


def samples(source):
    """Installed samples by name: each with its source."""
    found = [path for room in ROOMS for path in (source / room).iterdir() if path.is_file()]
    templates = {path.with_suffix("") for path in found if path.suffix == ".in"}
    return {str((path.with_suffix("") if path.suffix == ".in" else path).relative_to(source)): path
            for path in found if path not in templates}


def expected(source, places):
    """Every file that is to be there, with its source; programs and man pages are as they are."""
    files = {places["program"] + "/jobstatus.fcgi": postgres.program(),
             places["bin"] + "/jobstatus-report": postgres.report(),
             places["man"] + "/man8/jobstatus.fcgi.8": source / "src/jobstatus.fcgi.8",
             places["man"] + "/man1/jobstatus-report.1": source / "src/jobstatus-report.1",
             places["completions"] + "/jobstatus-report": source / "completions/jobstatus-report",
             places["sysusers"] + "/jobstatus.conf": source / "systemd/sysusers.d/jobstatus.conf"}
    for name in ("README.md", "SECURITY.md", "LICENSE"):
        files[places["doc"] + "/" + name] = source / name
    for path in (source / "sql").glob("*.sql"):
        files[places["sql"] + "/" + path.name] = path
    for name, path in samples(source).items():
        files[places["doc"] + "/examples/" + name] = path
        if name.startswith("systemd/"):
            files[places["units"] + name[len("systemd"):]] = path
    return files


def tree(directory):
    """All files below a directory, as paths from it, and all directories."""
    found = sorted(directory.rglob("*"))
    return ({"/" + str(path.relative_to(directory)) for path in found if not path.is_dir()},
            {"/" + str(path.relative_to(directory)) for path in found if path.is_dir()})


@pytest.mark.parametrize("name", SETS)
def test_install_and_uninstall(name, source, directory, build):
    options, words, places = SETS[name]
    root = directory / "root"
    make = build(*options)
    make("all")
    make("install", "DESTDIR=%s" % root, *words)
    files = expected(source, places)
    assert tree(root)[0] == set(files)
    for path, origin in files.items():
        installed = pathlib.Path(str(root) + path)
        content = origin.read_bytes()
        if origin.suffix == ".in":
            for variable, place in (("@programdir@", places["program"]), ("@sqldir@", places["sql"])):
                content = content.replace(variable.encode(), place.encode())
            assert not re.search(rb"@\w+@|\$\{?(prefix|exec_prefix|datarootdir)", content), path
        assert installed.read_bytes() == content, path
        mode = 0o755 if origin.name in PROGRAMS and origin.parent.name != "completions" else 0o644
        assert stat.S_IMODE(installed.stat().st_mode) == mode, path
    make("uninstall", "DESTDIR=%s" % root, *words)
    left, directories = tree(root)
    ours = {places["doc"], places["program"], os.path.dirname(places["sql"])}
    assert not left
    assert not [path for path in directories if any((path + "/").startswith(own + "/") for own in ours)]


def test_uninstall_leaves_what_others_put_there(directory, build):
    root = directory / "root"
    build()("install", "DESTDIR=%s" % root)
    other = root / "usr/local/share/doc/jobstatus/examples/nginx/mine.conf"
    other.write_text("")
    build()("uninstall", "DESTDIR=%s" % root)
    assert tree(root)[0] == {"/" + str(other.relative_to(root))}


def test_samples_are_made_once(directory, build):
    """After make, root's make install writes nothing into the build's directory."""
    make = build()
    make("all")
    sample = make.place / "lighttpd" / "jobstatus.conf"
    before = sample.stat().st_mtime_ns
    make("install", "DESTDIR=%s" % (directory / "root"))
    assert sample.stat().st_mtime_ns == before


@pytest.mark.parametrize("missing, env, modules", [
    (["libfcgi-dev"], {"ac_cv_header_fcgiapp_h": "no"}, ("PQ", "JSON", "XXHASH")),
    (["libfcgi-dev"], {"ac_cv_lib_fcgi_FCGX_Accept_r": "no"}, ("PQ", "JSON", "XXHASH")),
    (["libpq-dev"], {}, ("JSON", "XXHASH")),
    (["libjson-c-dev"], {}, ("PQ", "XXHASH")),
    (["libxxhash-dev"], {}, ("PQ", "JSON")),
    (["libfcgi-dev", "libpq-dev", "libjson-c-dev", "libxxhash-dev"], {"ac_cv_header_fcgiapp_h": "no"}, ()),
    (["pkg-config", "libpq-dev", "libjson-c-dev", "libxxhash-dev"],
     {"ac_cv_path_ac_pt_PKG_CONFIG": "", "ac_cv_path_PKG_CONFIG": ""}, ()),
])
def test_configure_names_what_is_missing(missing, env, modules, source, directory):
    """One line for each missing part, all of them at once, each by its Debian package."""
    flags = {name + suffix: value for name in modules
             for suffix, value in (("_CFLAGS", "-I/x"), ("_LIBS", "-lx"))}
    directory.joinpath("none").mkdir()
    directory.joinpath("build").mkdir()
    done = run(directory / "build", str(source / "configure"), PKG_CONFIG_LIBDIR=str(directory / "none"),
               **env, **flags)
    assert done.returncode == 1
    assert re.findall(r"WARNING: .* missing: install (\S+)$", done.stderr, re.M) == missing
    assert re.search(r"error: cannot be built .*\n\tapt-get install %s$" % " ".join(missing), done.stderr, re.M)
    assert not (directory / "build" / "Makefile").exists()
