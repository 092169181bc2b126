# SPDX-License-Identifier: MIT
"""Soak: every fault that avld must survive, with the real daemon, a real PostgreSQL and real faults.

make check runs short versions; make soak (AVLD_SOAK=full) runs long ones and prints a table. Needs pg_virtualenv, like e2e.
"""
import os
import subprocess

import pytest

from cluster import Cluster
from harness import HERE, Results
from proxy import Proxy
from e2e import daemons, database, template  # noqa: F401  (fixtures)

results_of_all = Results()


@pytest.fixture
def results():
    return results_of_all


def pytest_terminal_summary(terminalreporter):
    if results_of_all.rows:
        terminalreporter.section("nothing lost, nothing stored twice", "-")
        for line in results_of_all.lines():
            terminalreporter.write_line(line)


@pytest.fixture
def proxy():
    """A proxy between avld and the PostgreSQL of pg_virtualenv."""
    proxy = Proxy(os.environ.get("PGHOST", "localhost"), int(os.environ.get("PGPORT", "5432")))
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def preload(tmp_path_factory):
    """Builds the library that makes disks fail or block and clocks jump. Returns the environment for Daemon.start()."""
    if "asan" in os.environ.get("AVLD", ""):
        pytest.skip("the address sanitizer must be the first library loaded")
    library = tmp_path_factory.mktemp("preload") / "faults.so"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, HERE / "faults.c", "-ldl"],
                   check=True)
    return {"LD_PRELOAD": str(library)}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A PostgreSQL cluster that tests may kill."""
    cluster = Cluster()
    cluster.start()
    yield cluster
    cluster.remove()


@pytest.fixture
def own_database(cluster):
    """A new database with the schema in that cluster."""
    cluster.start()
    database = cluster.make_database()
    yield database
    cluster.start()
    cluster.drop(database)
