# SPDX-License-Identifier: MIT
"""avld check reports every problem with the place of its setting, and changes nothing."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import uuid

import psycopg2
import pytest

from conftest import AVLD, admin, drop_role, wait_for


@pytest.fixture
def check(database, tmp_path):
    """Runs avld check with a file of settings; returns the exit code and the lines of stdout."""
    def run(**changes):
        settings = {
            "database.conninfo": database.conninfo,
            "journal.dir": str(tmp_path / "journal"),
            "server.listen": "127.0.0.1:0",
            "http.listen": "127.0.0.1:0",
        }
        settings.update({key.replace("__", "."): value for key, value in changes.items()})
        path = tmp_path / "avld.ini"
        lines = []
        for key, value in settings.items():
            section, name = key.split(".")
            lines += [f"[{section}]", f"{name} = {value}"]
        path.write_text("\n".join(lines) + "\n")
        done = subprocess.run([AVLD, "check", "-c", str(path)], capture_output=True, text=True, timeout=60)
        assert done.stderr == "" or done.returncode == 2
        return done.returncode, done.stdout.replace(str(path), "FILE").splitlines()
    return run


@pytest.fixture
def role():
    """A role that can log in and has no other rights."""
    name = "check_" + uuid.uuid4().hex[:8]
    admin(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    yield name
    admin(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
    admin(f"REVOKE avld_writer FROM {name}")
    drop_role(name)


def problems(lines):
    return [line for line in lines if line.startswith("problem: ")]


def test_no_problem(check, tmp_path):
    code, lines = check()
    assert code == 0, lines
    assert [line.split()[:2] for line in lines if not line.startswith(("note: UDP", "note: PostgreSQL:"))] == [
        ["ok", "settings"], ["ok", "journal"], ["ok", "listen"], ["ok", "database"], ["ok", "schema"], ["ok", "rights"]]
    assert not (tmp_path / "journal").exists()


def test_bad_settings_are_an_error(check):
    assert check(server__listen="8888") == (2, [])


def test_every_problem_is_reported(check, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, lines = check(server__listen=f"127.0.0.1:{port}", journal__dir=str(tmp_path / "a" / "b"),
                            database__conninfo="host=127.0.0.1 port=1")
    assert code == 1
    journal, listen, database = problems(lines)
    assert journal.startswith("problem: FILE:4: journal.dir: ")
    assert listen.startswith(f"problem: FILE:6: server.listen: port {port} is taken by ")
    assert f"(pid {os.getpid()})" in listen
    assert database.startswith("problem: FILE:2: database.conninfo: ") and "refused" in database


@pytest.mark.parametrize("make", [lambda path: path.write_text(""), lambda path: path.symlink_to(path)])
def test_the_journal_must_be_a_folder(check, tmp_path, make):
    make(tmp_path / "odd")
    code, lines = check(journal__dir=str(tmp_path / "odd"))
    assert code == 1
    assert "journal.dir" in problems(lines)[0]


def read_only_mounts():
    """A mount whose kernel code makes no folders. In a chroot /sys is often an ordinary, empty folder."""
    return [f"{mount}/avld" for mount in ("/sys", "/dev/pts") if os.path.ismount(mount)][:1]


@pytest.mark.parametrize("folder", ["/proc/avld", "/proc", "/proc/self/fdinfo/avld", *read_only_mounts()])
def test_a_folder_without_files_is_a_problem(check, folder):
    code, lines = check(journal__dir=folder)
    assert code == 1
    assert problems(lines)[0].startswith("problem: FILE:4: journal.dir: " + folder)
    assert "; name a folder on a local disk" in problems(lines)[0] or "name another" in problems(lines)[0]


def test_a_dangling_link_is_a_problem(check, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    code, lines = check(journal__dir=str(tmp_path / "link"))
    assert code == 1
    assert "is a link to a missing folder" in problems(lines)[0]


def test_the_folder_is_not_changed(check, tmp_path):
    (tmp_path / "journal").mkdir()
    before = os.stat(tmp_path / "journal")
    assert check()[0] == 0
    after = os.stat(tmp_path / "journal")
    assert not list((tmp_path / "journal").iterdir()) and before.st_mtime_ns == after.st_mtime_ns


def test_a_journal_that_serve_would_refuse_is_a_problem(check, daemons):
    """Damage that serve repairs is a note. Nothing is changed."""
    avld = daemons({}).start()
    folder = pathlib.Path(avld.settings["journal.dir"])
    avld.end()
    meta, (segment, *_) = folder / "journal.meta", sorted(folder.glob("*.seg"))
    good = meta.read_bytes()
    assert check(journal__dir=str(folder))[0] == 0
    meta.write_bytes(good.replace(b"avld-journal 1", b"avld-journal 2"))
    code, lines = check(journal__dir=str(folder))
    assert code == 1
    assert problems(lines) == [f"problem: FILE:4: journal.dir: journal folder {folder} was written by a newer avld; use that one"]
    meta.write_bytes(good)
    segment.rename(segment.with_suffix(".away"))
    code, lines = check(journal__dir=str(folder))
    assert code == 0, lines
    assert [line for line in lines if line.startswith(f"note: journal {folder}: segment {segment.name} is missing")], lines
    assert meta.read_bytes() == good and not list(folder.glob("*.seg"))


def test_a_small_udp_buffer_is_noted(check):
    """Checks the buffer that the service gets: root could get a larger one."""
    with open("/proc/sys/net/core/rmem_max") as file:
        small = 2 * int(file.read()) < 64 << 20
    notes = [line for line in check()[1] if line.startswith("note: UDP: ") and "net.core.rmem_max=67108864" in line]
    assert len(notes) == small
    assert not [line for line in check(server__transports="tcp")[1] if line.startswith("note: UDP")]


def test_the_port_of_http(check, daemons):
    """serve does not start if an address that was set cannot be used."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        code, lines = check(http__listen=address)
        assert code == 1 and problems(lines)[0].startswith(f"problem: FILE:8: http.listen: port {address[10:]} is taken by ")
        avld = daemons({"http.listen": address}).spawn()
        assert avld.process.wait(30) == 1 and "cannot serve http" in avld.logged()
    code, lines = check(http__listen="192.0.2.1:8880")
    assert code == 1 and "http.listen: cannot listen on 192.0.2.1:8880: Cannot assign" in problems(lines)[0]
    assert check(http__listen=address)[0] == 0 and check(http__listen="")[0] == 0
    avld = daemons({"http.listen": address}).start()
    code, lines = check(http__listen=address)
    assert code == 0 and f"note: port {address[10:]}: avld already listens on it (pid {avld.process.pid})" in lines


def test_an_address_that_this_machine_lacks_is_a_problem_though_an_avld_has_the_port(check, avld):
    code, lines = check(server__listen=f"192.0.2.1:{avld.port}")
    assert code == 1 and f"server.listen: cannot listen on 192.0.2.1:{avld.port} (TCP): Cannot assign" in problems(lines)[0]


def test_a_running_daemon_is_recognized(check, avld):
    code, lines = check(server__listen=f"127.0.0.1:{avld.port}", journal__dir=avld.settings["journal.dir"])
    assert code == 0, lines
    assert f"note: port {avld.port}: avld already listens on it (pid {avld.process.pid})" in lines
    assert any("in use by a running avld" in line for line in lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_daemon_with_capabilities_is_recognized(daemons):
    """The unit gives the daemon capabilities: only root can see its sockets. The check runs as the daemon's user."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        binary, journal = shutil.copy(AVLD, folder), os.path.join(folder, "journal")
        os.mkdir(journal)
        os.chown(journal, 65534, 65534)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        avld = daemons({"journal.dir": journal}).start(
            wrap=nobody + ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"])

        def ask(*options):
            return subprocess.run(nobody + [binary, "check", "-c", "/dev/null", "-o", "database.conninfo=host=/nowhere",
                                            "-o", f"server.listen=127.0.0.1:{avld.port}", *options],
                                  capture_output=True, text=True, timeout=60).stdout
        assert f"note: port {avld.port}: avld already listens on it (pid {avld.process.pid})" in ask(
            "-o", f"journal.dir={journal}")
        assert f"server.listen: port {avld.port} is taken by a process of uid 65534" in ask("-o", f"journal.dir={folder}")


def test_a_missing_schema_is_a_problem_unless_serve_migrates(check):
    name = "empty_" + uuid.uuid4().hex[:8]
    admin(f"CREATE DATABASE {name}")
    try:
        code, lines = check(database__conninfo=f"dbname={name}")
        assert code == 1 and "run avld migrate" in problems(lines)[0]
        code, lines = check(database__conninfo=f"dbname={name}", database__migrate="yes")
        assert code == 0 and lines[-1].startswith("note: schema version 0")
    finally:
        admin(f"DROP DATABASE {name}")


def test_a_newer_schema_is_a_problem(check, database):
    database.query("INSERT INTO avld.schema_version (version, name) VALUES (9999, 'of tomorrow')")
    code, lines = check()
    assert code == 1 and "this avld is older than the schema" in problems(lines)[0]


def test_missing_rights_are_named(check, database, role):
    conninfo = f"{database.conninfo} user={role} password=x"
    code, lines = check(database__conninfo=conninfo)
    assert code == 1 and f"{role} may not use the schema avld" in problems(lines)[0]
    database.query(f"GRANT avld_writer TO {role}")
    code, lines = check(database__conninfo=conninfo)
    assert code == 0, lines
    database.query("REVOKE INSERT ON avld.positions FROM avld_writer")
    code, lines = check(database__conninfo=conninfo)
    assert code == 1 and f"{role} lacks INSERT ON avld.positions;" in problems(lines)[0]
    database.query("GRANT INSERT ON avld.positions TO avld_writer; REVOKE UPDATE (reply, correlation) ON avld.commands FROM avld_writer;"
                   "REVOKE EXECUTE ON FUNCTION avld.delete_before(text, timestamptz, integer) FROM avld_writer")
    code, lines = check(database__conninfo=conninfo)
    assert code == 1 and (f"{role} lacks EXECUTE ON FUNCTION avld.delete_before(text, timestamptz, integer), "
                          "UPDATE (correlation) ON avld.commands, UPDATE (reply) ON avld.commands;") in problems(lines)[0]


def test_a_wrong_password_is_not_printed(check, database, role):
    code, lines = check(database__conninfo=f"{database.conninfo} user={role} password=wrong host=127.0.0.1")
    assert code == 1
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(f"{database.conninfo} user={role} password=wrong host=127.0.0.1")
    assert problems(lines)[0].startswith("problem: FILE:2: database.conninfo: ")
    assert "password=" not in "".join(lines)


def test_a_retention_that_the_role_may_not_enforce_is_noted(check, database, role):
    database.query(f"GRANT avld_writer TO {role}")
    conninfo = f"{database.conninfo} user={role} password=x"
    code, lines = check(database__conninfo=conninfo, database__retention="3d", database__alarms_retention="7d")
    assert code == 0, lines
    assert [line for line in lines if line.startswith("note: database")] == [
        f"note: database.retention = 3d deletes nothing: {role} may delete only what is older than 7 days; as the schema's owner: "
        "SELECT avld.set_least_retention('3 days')"]
    database.query("SELECT avld.set_least_retention('3 days')")
    code, lines = check(database__conninfo=conninfo, database__retention="3d")
    assert code == 0 and not [line for line in lines if line.startswith("note: database")]


def set_server(**values):
    for name, value in values.items():
        admin(f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}")
    admin("SELECT pg_reload_conf()")


def costs(check, names):
    """The notes about settings of PostgreSQL, by name, once those named are as they should be: a reload takes a moment."""
    def ask():
        lines = [line for line in check()[1] if line.startswith("note: PostgreSQL: ")]
        found = {line.split()[2]: line for line in lines if line.split()[2] != "shared_buffers"}
        return found if set(found) == set(names) else None
    return wait_for(ask, f"notes about {names}") if names else wait_for(lambda: ask() is not None, "no notes")


def test_settings_of_the_server_that_cost_are_named(check, database):
    """With the fleet's size from which on, and the file and line to change. Each is named alone; good ones are not."""
    good = {"max_wal_size": "8GB", "checkpoint_timeout": "30min", "wal_compression": "on"}
    bad = {"max_wal_size": "1GB", "checkpoint_timeout": "5min", "wal_compression": "off"}
    wanted = {"max_wal_size": "22000", "checkpoint_timeout": "100000", "wal_compression": "210000"}
    try:
        set_server(**good)
        costs(check, [])
        for name in good:
            set_server(**{**good, name: bad[name]})
            line = costs(check, [name])[name]
            assert f" {name} = {bad[name]} costs from about {wanted[name]} trackers on that report every 30 s" in line
            assert re.search(rf"; in \S+/postgresql\.auto\.conf:\d+: {name} = \S.*; then pg_reload_conf\(\)$", line)
    finally:
        set_server(**dict.fromkeys(good))


def test_small_buffers_cost_a_smaller_fleet_with_longer_partitions(check, database):
    if database.one("SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'") != 128 << 20:
        pytest.skip("shared_buffers is not 128MB")

    def fleet(**settings):
        line, = (line for line in check(**settings)[1] if line.startswith("note: PostgreSQL: shared_buffers = 128MB "))
        return int(re.search(r"from about (\d+) trackers", line)[1])
    assert fleet() == 460
    assert fleet(database__partition_interval="1h") == 11000


def test_only_the_settings(tmp_path):
    """For systemctl reload: what they name is not tested."""
    def run(text):
        (tmp_path / "avld.ini").write_text(text)
        return subprocess.run([AVLD, "check", "--settings", "-c", tmp_path / "avld.ini"], capture_output=True, text=True, check=False)
    done = run("[database]\nconninfo = host=127.0.0.1 port=1 dbname=none\n[journal]\ndir = /proc/none\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok settings\n", "")
    done = run("[log]\nmodules = wrter=debug\n")
    assert done.returncode == 2 and f"{tmp_path}/avld.ini:2: log.modules: unknown module" in done.stderr
