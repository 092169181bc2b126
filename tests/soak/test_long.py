# SPDX-License-Identifier: MIT
"""Memory and file descriptors over millions of frames, with connections that open and close in every way."""
import random
import socket
import struct
import subprocess

import gt06
import pt502
from harness import AVLD, FULL, free_port, metrics, open_files, rounds, status_of, wait_for
from test_kill import fixed_port


BUFFERS_KB = 400 * 16  # of 400 trackers


def rude_peers(avld, chance, count):
    """Opens connections that stay silent, send half a frame or garbage, or reset."""
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", avld.port), 10) as peer:
            if chance.random() < 0.5:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            data = chance.choice([b"", pt502.record()[:30], b"GET / HTTP/1.0\r\n\r\n", bytes(40), gt06.login()[:9],
                                  gt06.login() + gt06.position(2), pt502.record() * 3, b"$" * 5000])
            try:
                peer.sendall(data)
            except OSError:
                pass  # avld has closed the connection already


def test_memory_and_descriptors_do_not_grow(daemons, database, results):
    """Every turn has the same load; after the first turns neither memory nor descriptors increase."""
    chance = random.Random(12)
    turns, count = rounds(6, 50), rounds(20000, 200000)
    avld = fixed_port(daemons, {"http.listen": f"127.0.0.1:{free_port()}", "journal.segment_size": "16M",
                                "database.batch_interval": "100ms"})
    sizes, files = [], []
    for turn in range(turns):
        protocol = ("pt502", "mixed")[turn % 2]
        # The same devices each turn: more devices would need more memory.
        loads = [subprocess.Popen([AVLD, "simulate", "--to", f"127.0.0.1:{avld.port}", "--protocol", protocol, "--devices",
                                   "400", "--rate", "0", "--count", str(count), "--seed", str(1 + turn % 2)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
        rude_peers(avld, chance, rounds(200, 1000))
        for load in loads:
            assert load.wait(600) == 0
        wait_for(lambda: metrics(avld)["avld_journal_waiting_bytes"] == 0, "the journal to be empty", 300)
        wait_for(lambda: metrics(avld)["avld_connections"] == 0, "all connections to be closed", 60)
        figures = status_of(avld.process.pid, "VmRSS", "RssAnon")
        sizes.append(figures["RssAnon"])
        files.append(open_files(avld.process.pid))
        # Segments that are written or deleted meanwhile have descriptors of their own, so the number may be higher for a
        # moment. A descriptor that is not closed keeps it higher.
        wait_for(lambda: open_files(avld.process.pid) <= files[0] + 1, f"the descriptors to be closed: {files}", 60)
        if FULL:  # the database's disk is not tested
            database.query("TRUNCATE avld.positions, avld.statuses, avld.alarms, avld.connections, avld.rejects")
    settled = sizes[len(sizes) // 3:]
    steps = [after - before for before, after in zip(settled, settled[1:])]
    # Once, more connections may have had bytes to send or to receive at the same moment than ever before.
    grown = settled[-1] - settled[0] - min(max(steps), BUFFERS_KB)
    assert grown <= 0.05 * settled[0] + 256, f"RssAnon by turn: {sizes} kB"
    figures = metrics(avld)
    assert figures["avld_frames_total"] >= turns * count
    sent = int(figures["avld_reports_total"])
    stored = int(sum(figures[f"avld_{what}_total"] for what in ("positions", "statuses", "duplicates")))
    avld.end()
    assert "everything is in the database" in avld.logged()
    print(f"RssAnon by turn: {sizes} kB; descriptors: {files}")
    results.add("-", "nothing grows", turns, sent, stored,
                note=f"RssAnon {min(settled)}..{max(settled)} kB, {max(files)} descriptors")
