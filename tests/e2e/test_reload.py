# SPDX-License-Identifier: MIT
"""SIGHUP reads the settings again: what changed is applied, or named as needing a restart; a broken file changes nothing."""
import contextlib
import os
import re
import signal
import socket

import pt502
import pytest

from conftest import PATIENCE_S, Daemon, wait_for


class FromFile(Daemon):
    """A daemon whose settings are in a file, but for `options`."""

    def __init__(self, database, folder, settings=(), options=()):
        super().__init__(database, folder)
        self.values = {**self.settings, **dict(settings)}
        self.settings = dict(options)
        self.file = folder / "avld.ini"
        self.reloads = 0
        self.write()

    def write(self, more=(), text=None):
        """Writes the file; the values of `more` are kept for the next call. Returns the numbers of the lines by key."""
        self.values.update(more)
        lines, section, numbers = [], None, {}
        for key in sorted(self.values):
            if key.split(".")[0] != section:
                section = key.split(".")[0]
                lines.append(f"[{section}]")
            lines.append(f"{key.split('.')[1]} = {self.values[key]}")
            numbers[key] = len(lines)
        self.file.write_text(text if text is not None else "\n".join(lines) + "\n")
        return numbers

    def reload(self, more=(), text=None):
        """Writes the file and reloads it. Returns the numbers of the lines, and what was logged about the reload."""
        numbers = self.write(more, text)
        since = len(self.logged())
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "signal=SIGHUP" in self.logged()[since:], lambda: self.logged()[since:])
        return numbers, self.logged()[since:]


@pytest.fixture
def from_file(database, tmp_path):
    made = []

    def make(settings=(), options=(), **kwargs):
        daemon = FromFile(database, tmp_path, settings, options)
        made.append(daemon)
        return daemon.start(**kwargs)
    yield make
    for daemon in made:
        if daemon.process and daemon.process.poll() is None:
            daemon.process.kill()
            daemon.process.wait()


def changed(text):
    return dict(re.findall(r"setting changed key=(\S+) (.*)", text))


def need_restart(text):
    return dict(re.findall(r"WARNING setting needs a restart key=(\S+) (.*)", text))


def test_what_changed_is_applied_and_named(from_file):
    avld = from_file({"devices.unknown": "accept"})
    lines, text = avld.reload()
    assert changed(text) == need_restart(text) == {}
    assert f'settings reloaded signal=SIGHUP file="{avld.file}" applied=0 need_restart=0' in text

    lines, text = avld.reload({"server.idle_timeout": "2h", "commands.allow": "positionSingle, getVersion", "media.photos": "on"})
    assert changed(text) == {
        "server.idle_timeout": f'old="1h" new="2h" place="{avld.file}:{lines["server.idle_timeout"]}"',
        "commands.allow": f'old="" new="positionSingle, getVersion" place="{avld.file}:{lines["commands.allow"]}"',
        "media.photos": f'old="no" new="yes" place="{avld.file}:{lines["media.photos"]}"'}
    assert "applied=3 need_restart=0" in text

    # Another way to write the same is no change; a line that is gone means the default.
    del avld.values["media.photos"]
    lines, text = avld.reload({"server.idle_timeout": "120min"})
    assert changed(text) == {"media.photos": 'old="yes" new="no" place="default"'}
    avld.end()


def test_applied_settings_work(from_file, database):
    """Trackers that are not in the table: admitted before the reload, and refused after it."""
    avld = from_file()
    avld.send_tcp(pt502.record(ident="5020001"))
    database.wait("SELECT count(*)::int FROM avld.devices", 1)
    avld.reload({"devices.unknown": "refuse"})
    avld.send_tcp(pt502.record(ident="5020002"))
    database.wait("SELECT count(*)::int FROM avld.unknown_devices WHERE ident = '5020002'", 1)
    avld.reload({"devices.unknown": "accept", "devices.new_per_minute": "0", "server.idle_timeout": "10s"})
    avld.send_tcp(pt502.record(ident="5020003"))
    database.wait("SELECT count(*)::int FROM avld.devices", 2)
    with avld.tcp() as peer:  # a time-out applies to connections that are open, too
        peer.sendall(pt502.record(ident="5020003", speed="23.00"))
        assert peer.recv(4096) == b"" or peer.recv(4096) == b""
    avld.end()


def test_retention_that_is_switched_on_deletes(from_file, database):
    avld = from_file({"database.rejects_retention": "0"})
    database.query("INSERT INTO avld.rejects (received_at, transport, reason, frame) "
                   "VALUES (now() - interval '30 days', 'tcp', 'old', '')")
    avld.reload({"database.rejects_retention": "10d"})
    database.wait("SELECT count(*)::int FROM avld.rejects WHERE reason = 'old'", 0)
    avld.end()


def test_a_setting_that_needs_a_restart_is_named_until_it_had_one(from_file, tmp_path):
    avld = from_file()
    port, other = avld.port, tmp_path / "other"
    lines, text = avld.reload({"journal.dir": str(other), "log.level": "debug"})
    assert list(changed(text)) == ["log.level"]
    assert need_restart(text) == {"journal.dir": f'running="{tmp_path}/journal" file="{other}" '
                                                 f'place="{avld.file}:{lines["journal.dir"]}"'}
    assert "applied=1 need_restart=1" in text
    _, text = avld.reload()
    assert list(need_restart(text)) == ["journal.dir"] and changed(text) == {}
    assert not other.exists()
    assert avld.port == port
    avld.end()
    avld.start()
    _, text = avld.reload()
    assert need_restart(text) == {} and other.exists()
    avld.end()


def test_the_quota_needs_room_for_two_files_of_the_running_size(from_file):
    avld = from_file({"journal.segment_size": "4M"})
    _, text = avld.reload({"journal.max_size": "8M"})
    assert list(changed(text)) == ["journal.max_size"]
    _, text = avld.reload({"journal.max_size": "2M", "journal.segment_size": "1M"})
    assert set(need_restart(text)) == {"journal.max_size", "journal.segment_size"} and changed(text) == {}
    avld.end()


@pytest.mark.parametrize("text, error", [
    ("[log]\nlevel = debug\n[server]\nidle_timout = 2h\n",
     "FILE:4: server.idle_timout: unknown setting; did you mean server.idle_timeout?"),
    ("[log]\nlevel = loud\n", 'FILE:2: log.level: \\"loud\\" is not a known value; write one of error, warning, info, debug'),
    ("[log]\nmodules = wrter=debug\n", 'FILE:2: log.modules: unknown module \\"wrter\\"; known are: cli, config, '),
    ("[journal]\nmax_size = 2M\nsegment_size = 64M\n",
     "FILE:2: journal.max_size: max_size of 2M does not hold two segments of 64M; raise max_size or lower segment_size"),
    ("level = debug\n", "FILE:1: level: outside a section; put a line such as [server] above it"),
])
def test_a_broken_file_changes_nothing(from_file, database, text, error):
    avld = from_file({"devices.unknown": "refuse"})
    since = len(avld.logged())
    avld.reload(text=text)
    lines = [line for line in avld.logged()[since:].splitlines() if "sett" in line]
    assert len(lines) == 1
    assert 'ERROR settings not reloaded, nothing has changed signal=SIGHUP errors=1 error="' \
        + error.replace("FILE", str(avld.file)) in lines[0]
    avld.send_tcp(pt502.record(ident="5020002"))  # devices.unknown is as it was
    database.wait("SELECT count(*)::int FROM avld.unknown_devices", 1)
    _, good = avld.reload({"log.level": "debug"})
    assert list(changed(good)) == ["log.level"]
    avld.end()


def test_a_file_that_is_gone_changes_nothing(from_file):
    avld = from_file()
    avld.file.unlink()
    avld.process.send_signal(signal.SIGHUP)
    avld.wait_log(f'errors=1 error="{avld.file}: cannot read: No such file or directory; check the path')
    os.mkfifo(avld.file)  # reading it would wait for ever
    avld.process.send_signal(signal.SIGHUP)
    avld.wait_log(f'errors=1 error="{avld.file}: not a regular file, so it cannot be read again')
    avld.end()


def test_options_win(from_file):
    avld = from_file(options={"server.idle_timeout": "3h", "database.batch_rows": "5"})
    _, text = avld.reload({"server.idle_timeout": "2h", "database.batch_rows": "6", "server.login_timeout": "20s"})
    assert list(changed(text)) == ["server.login_timeout"] and need_restart(text) == {}
    _, text = avld.reload({"server.idle_timeout": "none"})  # a line that does not count must be right all the same
    assert "not reloaded" in text
    avld.end()


def test_passwords_are_hidden(from_file, database):
    avld = from_file({"database.conninfo": database.conninfo + " password=geheim1"})
    _, text = avld.reload({"database.conninfo": database.conninfo + " password=geheim2"})
    assert need_restart(text)["database.conninfo"].startswith(
        f'running="{database.conninfo} password=*******" file="{database.conninfo} password=*******" differs="in a password"')
    _, text = avld.reload({"database.conninfo": "postgresql://me:geheim3@localhost/" + database.name})
    assert "postgresql://me:*******@localhost/" in text
    _, text = avld.reload({"database.conninfo": '"password=geheim4"'})
    assert "quotes would become part" in text
    assert "geheim" not in avld.logged()
    avld.end()


def test_passwords_in_options_stay(from_file, database):
    """-o values are overwritten in the list of processes, so a reload must not read them there."""
    avld = from_file(options={"database.conninfo": database.conninfo + " sslpassword=geheim"})
    _, text = avld.reload({"log.level": "debug"})
    assert need_restart(text) == {} and "geheim" not in text
    avld.send_tcp(pt502.record())
    database.wait("SELECT count(*)::int FROM avld.positions", 1)
    avld.end()


def test_the_level_of_a_module(from_file, database):
    avld = from_file({"log.level": "warning", "log.modules": "cli=info"})
    avld.send_tcp(pt502.record() + b"\r\n")
    database.wait("SELECT count(*)::int FROM avld.positions", 1)
    assert "INFO ready" in avld.logged() and "INFO database ready" not in avld.logged() and " DEBUG " not in avld.logged()
    avld.reload({"log.modules": "intake=debug, cli=info"})
    since = len(avld.logged())
    avld.send_tcp(pt502.record(speed="23.00"))
    wait_for(lambda: "DEBUG conn closed" in avld.logged()[since:], lambda: avld.logged()[since:])
    avld.reload({"log.modules": "cli=info"})
    since = len(avld.logged())
    avld.send_tcp(pt502.record(speed="24.00"))
    database.wait("SELECT count(*)::int FROM avld.positions", 3)
    avld.end()
    assert " DEBUG " not in avld.logged()[since:] and " INFO stopped" in avld.logged()[since:]


def test_traced_trackers(from_file, database):
    avld = from_file()
    avld.send_tcp(pt502.record(speed="21.00"))
    database.wait("SELECT count(*)::int FROM avld.positions", 1)
    assert "INFO trace ident=" not in avld.logged()
    avld.reload({"log.trace": "5020001"})
    avld.send_tcp(pt502.record(speed="22.00"))
    avld.wait_log("INFO trace ident=5020001 event={")
    avld.reload({"log.trace": ""})
    since = len(avld.logged())
    avld.send_tcp(pt502.record(speed="23.00"))
    database.wait("SELECT count(*)::int FROM avld.positions", 3)
    avld.end()
    assert "INFO trace ident=" not in avld.logged()[since:]


def test_reloads_under_load_lose_nothing(from_file, database):
    avld = from_file()
    turn = 0
    with avld.tcp() as peer:
        for number in range(2000):
            peer.sendall(pt502.record(speed=f"{number // 100}.{number % 100:02}"))
            if number % 50 == 0:
                turn += 1
                avld.write({"server.idle_timeout": f"{60 + turn}min", "devices.new_per_minute": str(turn),
                            "database.batch_rows": str(turn), "journal.sync_interval": f"{10 + turn}ms",
                            "database.conninfo": database.conninfo + f" connect_timeout={turn + 1}"})
                avld.process.send_signal(signal.SIGHUP)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass
    database.wait("SELECT count(*)::int FROM avld.positions", 2000)
    assert "settings not reloaded" not in avld.logged()
    avld.end()


def messages(peer):
    while True:
        yield peer.recv(4096).decode()


def test_systemd_sees_the_reload(from_file):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        name = f"avld-test-reload-{os.getpid()}"
        systemd.bind("\0" + name)
        systemd.settimeout(PATIENCE_S)
        avld = from_file(env={"NOTIFY_SOCKET": "@" + name})
        seen = messages(systemd)
        assert next(seen) == "READY=1"
        while next(seen) != "STATUS=0 connections, 0 B pending, database connected":
            pass

        def after_reload(**kwargs):
            """What is notified from the reload to the end of it."""
            avld.reload(**kwargs)
            first = next(seen)
            assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", first)
            got = []
            while not got or got[-1] != "READY=1":
                got.append(next(seen))
            return got[:-1]

        ready = "STATUS=0 connections, 0 B pending, database connected"
        assert after_reload() == []
        assert after_reload(more={"server.listen": "127.0.0.1:1"}) == [ready + ", 1 setting needs a restart"]
        assert after_reload(text="[server]\nlsten = 1\n") == [ready + ", settings not reloaded"]
        assert after_reload(more={"server.listen": "127.0.0.1:0"}) == [ready]
        avld.end()


def test_a_flood_of_one_cause_does_not_fill_the_log(from_file):
    """Peers that identify themselves with nothing: a few lines, and at the end how many there were."""
    avld = from_file()
    for _ in range(40):
        avld.send_tcp(b"")
    avld.end()
    lines = avld.logged().splitlines()
    assert len([line for line in lines if "conn closed" in line and "suppressed" not in line]) == 5
    assert [line for line in lines if 'INFO log lines suppressed=35 cause="conn closed" module=intake place=src/intake/' in line]
