# SPDX-License-Identifier: MIT
"""UDP bursts: datagrams pending in the socket are processed, those the kernel dropped are counted and logged."""
import os
import pathlib
import shutil
import signal

import pytest

import pt502
from test_http import free_port, metrics
from conftest import wait_for


def socket_of(avld):
    """Returns (bytes pending in the daemon's UDP socket, datagrams that the kernel has dropped there)."""
    for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rsplit(":", 1)[1], 16) == avld.port:
            return int(fields[4].split(":")[1], 16), int(fields[-1])
    raise AssertionError("no such socket")


def stop(avld):
    avld.process.send_signal(signal.SIGSTOP)
    stat = pathlib.Path(f"/proc/{avld.process.pid}/stat")
    wait_for(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T", "the daemon to stop")


def test_pending_datagrams_are_processed_at_shutdown(avld, database):
    avld.wait_log("database ready")
    stop(avld)
    records = [pt502.record(time=time) for time in pt502.last(6000)]
    avld.send_udp(*records)
    received = len(records) - socket_of(avld)[1]  # unprivileged, the socket may be too small for all
    avld.process.send_signal(signal.SIGTERM)
    avld.end(signal.SIGCONT)
    assert database.one("SELECT count(*)::int FROM avld.positions") == received


def test_datagrams_dropped_by_the_kernel_are_counted(daemons):
    port = free_port()
    avld = daemons({"http.listen": f"127.0.0.1:{port}"}).start()
    stop(avld)
    record, sent = pt502.record(), 0
    while not socket_of(avld)[1] and sent < 1000000:
        avld.send_udp(*[record] * 500)
        sent += 500
    lost = socket_of(avld)[1]
    assert lost
    avld.process.send_signal(signal.SIGCONT)
    processed = ("avld_reports_total", "avld_udp_over_share_total")
    wait_for(lambda: sum(metrics(port)[name] for name in processed) == sent - lost, "the other datagrams", 120)
    assert metrics(port)["avld_udp_lost_total"] == lost
    assert avld.logged().count("udp datagrams lost") == 1
    avld.end()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="drops a capability: needs root and setpriv")
def test_a_small_socket_buffer_is_logged(daemons):
    most = int(pathlib.Path("/proc/sys/net/core/rmem_max").read_text())
    avld = daemons().start(wrap=["setpriv", "--bounding-set", "-net_admin"])
    small = 2 * most < 64 << 20
    if small:
        avld.wait_log("udp buffer is small")
    avld.end()  # by then the sockets have been read
    assert ("udp buffer is small" in avld.logged()) == small
