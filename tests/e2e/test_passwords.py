# SPDX-License-Identifier: MIT
"""The database's password: where it may be kept, and where it must not appear. TLS to the database."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import uuid

import psycopg2
import pytest

import pt502
from conftest import AVLD, admin, drop_role, wait_for

PASSWORD = "5ecret-" + uuid.uuid4().hex[:8]


@pytest.fixture
def role(database):
    name = "avld_" + uuid.uuid4().hex[:8]
    admin(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    admin(f"GRANT avld_writer TO {name}")
    yield name
    drop_role(name)


@pytest.fixture(autouse=True)
def no_password_in_the_environment(monkeypatch, role):
    """The tests themselves connect as before, through a password file."""
    with tempfile.NamedTemporaryFile("w") as file:
        if "PGPASSWORD" in os.environ:
            file.write(f"*:*:*:{os.environ.get('PGUSER', '*')}:{os.environ['PGPASSWORD']}\n")
            file.flush()
            monkeypatch.delenv("PGPASSWORD")
            monkeypatch.setenv("PGPASSFILE", file.name)
        yield
        monkeypatch.undo()


def conninfo(database, role, rest=""):
    return f"host=localhost dbname={database.name} user={role} {rest}"


def arguments_of(process):
    return pathlib.Path(f"/proc/{process.pid}/cmdline").read_text().replace("\0", " ")


def stores(avld, database):
    avld.send_tcp(pt502.record())
    database.wait("SELECT count(*)::int FROM avld.positions", 1)


def run(*arguments):
    done = subprocess.run([AVLD, *arguments], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_a_password_appears_nowhere(daemons, database, role, tmp_path):
    right = conninfo(database, role, f"password={PASSWORD}")
    avld = daemons({"database.conninfo": right, "log.level": "debug"}).start()
    stores(avld, database)
    assert "password=*******" in arguments_of(avld.process)
    avld.end()
    seen = avld.logged()

    wrong = daemons({"database.conninfo": conninfo(database, role, f"password=no-{PASSWORD}")}, folder=tmp_path / "wrong").start()
    wrong.wait_log("password authentication failed")
    seen += arguments_of(wrong.process)
    wrong.end()
    seen += wrong.logged()
    uri = f"postgresql://{role}:no-{PASSWORD}@localhost/{database.name}"
    for bad in (right + "-", uri, f"password={PASSWORD}=1 2", f"password=1 {PASSWORD}", f"postgresql://a:{PASSWORD}%zz@b/c"):
        seen += run("check", "-c", "/dev/null", "-o", f"database.conninfo={bad}", "-o", "server.listen=127.0.0.1:0")
    seen += run("migrate", "-c", "/dev/null", "-o", f"database.conninfo={bad}")
    seen += run("media", "-c", "/dev/null", "--export", str(tmp_path / "out"), "-o", f"database.conninfo={bad}")
    seen += run("status", "-c", "/dev/null", "-o", f"database.conninfo={right}", "-o", "http.listen=127.0.0.1:1")
    seen += run("check", "-o", f"database.conninf={right}", "-o", f"database.conninfo=\"{right}\"")
    assert "password authentication failed" in seen and "is not shown" in seen and "unknown setting" in seen
    assert PASSWORD not in seen


def test_a_conninfo_that_cannot_be_parsed_stops_the_start_and_its_password_is_not_shown(database, tmp_path):
    file = tmp_path / "avld.ini"
    for conninfo, error in ((f"{database.conninfo} password=1 {PASSWORD}", "put a value with blanks in single quotes"),
                            (f"{database.conninfo} hots=db", 'invalid connection option "hots"')):
        file.write_text(f"[database]\nconninfo = {conninfo}\n")
        for verb in (["serve"], ["check", "--settings"]):
            done = subprocess.run([AVLD, *verb, "-c", str(file)], capture_output=True, text=True)
            assert done.returncode == 2 and done.stdout == "" and PASSWORD not in done.stderr
            assert done.stderr.startswith(f"avld: {file}:2: database.conninfo: ") and error in done.stderr


def test_a_passfile(daemons, database, role, tmp_path):
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"localhost:*:*:{role}:{PASSWORD}\n")
    passfile.chmod(0o600)
    stores(daemons({"database.conninfo": conninfo(database, role, f"passfile={passfile}")}).start(), database)


def test_a_service_in_a_credential(daemons, database, role, tmp_path):
    """As the unit sets it up: systemd puts the file into a folder of its own."""
    service = tmp_path / "pg_service.conf"
    options = "\n".join(conninfo(database, role, f"password={PASSWORD} port={os.environ.get('PGPORT', 5432)}").split())
    service.write_text(f"[avld]\n{options}\n")
    service.chmod(0o400)
    avld = daemons({"database.conninfo": "service=avld"}).start(env={"PGSERVICEFILE": str(service)})
    stores(avld, database)


@pytest.mark.parametrize("mode, password, warned", [(0o644, "password=x", 1), (0o640, "password=x", 0), (0o644, "", 0)])
def test_a_password_in_a_file_that_all_may_read_is_a_warning(database, daemons, tmp_path, mode, password, warned):
    file = tmp_path / "avld.ini"
    file.write_text(f"[server]\nlisten = 127.0.0.1:0\n[database]\nconninfo = {database.conninfo} {password}\n"
                    f"[http]\nlisten =\n[journal]\ndir = {tmp_path / 'journal'}\n")
    file.chmod(mode)
    remedy = f"{file}:4: database.conninfo: every user of this machine can read this file, and it has a password; chmod 0640 {file}"
    assert run("check", "-c", str(file)).count("note: " + remedy) == warned
    with subprocess.Popen([AVLD, "serve", "-c", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as avld:
        assert avld.stdout.readline().startswith("ready ")
        avld.terminate()
        assert avld.stderr.read().count(f'WARNING password exposed what_to_do="{remedy}"') == warned


# TLS --------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def authority():
    """Certificates of our own, and a server that uses them: a folder with ca.crt, server.crt and another.crt, which has
    signed nothing."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="avld-tls-"))

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "another"):
        openssl(*new, "-x509", "-days", 2, "-subj", f"/CN=avld test {name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl(*new, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2,
            "-out", "server.crt")
    folder.chmod(0o755)
    (folder / "server.key").chmod(0o600)
    if os.geteuid() == 0:
        conn = psycopg2.connect("dbname=postgres")
        with conn.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            owner = os.stat(cursor.fetchone()[0])
        conn.close()
        os.chown(folder / "server.key", owner.st_uid, owner.st_gid)
    names = ("ssl_cert_file", "ssl_key_file", "ssl")
    for name, value in zip(names, (folder / "server.crt", folder / "server.key", "on")):
        admin(f"ALTER SYSTEM SET {name} = '{value}'")
    admin("SELECT pg_reload_conf()")

    def accepted():
        try:
            psycopg2.connect(f"dbname=postgres host=localhost sslmode=verify-full sslrootcert={folder}/ca.crt").close()
        except psycopg2.OperationalError as error:
            return "certificate" not in str(error) and "SSL" not in str(error)
        return True
    wait_for(accepted, "the server to use our certificate")
    yield folder
    for name in names:
        admin(f"ALTER SYSTEM RESET {name}")
    admin("SELECT pg_reload_conf()")
    shutil.rmtree(folder)


def test_tls_with_a_certificate_that_is_verified(authority, daemons, database, role):
    options = f"password={PASSWORD} sslmode=verify-full sslrootcert={authority}/ca.crt"
    avld = daemons({"database.conninfo": conninfo(database, role, options)}).start()
    stores(avld, database)
    assert database.one("SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = %s", role)


def test_a_certificate_of_another_authority_is_refused_and_nothing_lost(authority, daemons, database, role):
    """The wrong authority's file is replaced by the right one while the daemon runs."""
    trusted = authority / "trusted.crt"
    shutil.copy(authority / "another.crt", trusted)
    options = conninfo(database, role, f"password={PASSWORD} sslmode=verify-full sslrootcert={trusted}")
    avld = daemons({"database.conninfo": options}).start()
    avld.send_tcp(pt502.record())
    avld.wait_log("certificate verify failed")
    line = [line for line in avld.logged().splitlines() if "certificate verify failed" in line][0]
    assert re.search(r'WARNING database unreachable, retrying .* what_to_do="set sslrootcert=FILE in database.conninfo', line)
    assert "; set sslrootcert=FILE in database.conninfo" in run("check", "-c", "/dev/null", "-o", f"database.conninfo={options}")
    shutil.copy(authority / "ca.crt", trusted)
    database.wait("SELECT count(*)::int FROM avld.positions", 1)
    avld.end()


def test_a_certificate_for_another_name_is_refused(authority, daemons, database, role):
    options = f"password={PASSWORD} sslmode=verify-full sslrootcert={authority}/ca.crt"
    avld = daemons({"database.conninfo": conninfo(database, role, options).replace("localhost", "127.0.0.1")}).start()
    avld.wait_log('what_to_do="name the host in database.conninfo as the server\'s certificate does"')
    avld.kill()
