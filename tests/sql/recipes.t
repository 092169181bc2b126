#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the examples of docs/sql.md (and of docs/troubleshooting.md, if it exists): each ```sql block must print the ```text block
that follows it, except for the times in what diagnose prints. In docs/sql.md each ```sql block must have one. Run by tests/sql/run.
`recipes.t --update` (PG* as there) writes the present output into the pages instead."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Databases, connect, done, equal, migrate, ok, query  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.join(FOLDER, "../../docs")
BLOCK = re.compile(r"```sql\n((?:(?!```).)*?)```\n\n```text\n(.*?)```\n", re.S)


def psql(database, sql):
    run = subprocess.run(["psql", "-X", "-q", "-P", "pager=off", "-P", "footer=off", "-v", "ON_ERROR_STOP=1", "-d", database], input=sql, text=True,
                         capture_output=True, env={**os.environ, "PGTZ": "UTC", "PGDATESTYLE": "ISO", "LC_ALL": "C.UTF-8"})
    if run.returncode:
        ok(False, "the SQL runs", run.stderr)
    return "".join(line.rstrip() + "\n" for line in (run.stdout + run.stderr).rstrip("\n").split("\n"))


def same_times(text):
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2026-05-05 12:00:00 UTC", text)


def read(page):
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        return file.read()


def update(page, database):
    text = BLOCK.sub(lambda m: f"```sql\n{m[1]}```\n\n```text\n{same_times(psql(database, m[1]))}```\n", read(page))
    with open(os.path.join(DOCS, page), "w", encoding="utf-8") as file:
        file.write(text)


# Every table and view, and every function that readers, operators or the daemon may call, without those that others use.
NAMES = """SELECT string_agg(name, ' ' ORDER BY name) FROM (
    SELECT relname AS name FROM pg_class WHERE relnamespace = 'avld'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
    UNION SELECT proname FROM pg_proc AS p WHERE pronamespace = 'avld'::regnamespace AND prorettype <> 'trigger'::regtype
        AND obj_description(oid, 'pg_proc') NOT LIKE 'Used by %' AND proname NOT IN ('check_command', 'stops_engine',
            'usual_silence', 'usual_silences', 'find_strangers')) AS t"""


def test_names(database):
    page = read("sql.md")
    tables = page[page.index("## Tables and views"):page.index("## Access")]
    functions = page[page.index("## Functions"):page.index("## Where")]
    named = re.findall(r"^\| `(\w+)` \|", tables, re.M)
    for cell in re.findall(r"^\| (`.*?`) \|", functions, re.M):
        named += re.findall(r"`(\w+)\(", cell)
    equal(" ".join(sorted(set(named))), query(connect(database), NAMES), "docs/sql.md lists all tables, views and functions")


def test_readme(database):
    with open(os.path.join(FOLDER, "../../README.md"), encoding="utf-8") as file:
        section = re.search(r"^## Queries\n(.*?)^\|", file.read(), re.S | re.M)[1]
    queries = re.findall(r"^    SELECT (?:.*\n)+?(?=\n)", section, re.M)
    ok(len(queries) >= 3, "README.md has queries")
    for sql in queries:
        psql(database, sql)  # reports an error as a failed test


pages = [page for page in ("sql.md", "troubleshooting.md") if page == "sql.md" or os.path.exists(os.path.join(DOCS, page))]
with Databases() as databases:
    name = databases.make("recipes")
    equal(migrate(name)[0], 0, "migrated")
    with open(os.path.join(FOLDER, "recipes/fleet.sql"), encoding="utf-8") as fleet:
        filled = subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", name], input=fleet.read(), text=True,
                                capture_output=True)
    equal((filled.returncode, filled.stderr), (0, ""), "the fleet is stored")
    test_names(name)
    test_readme(name)
    for each in pages:
        if "--update" in sys.argv:
            update(each, name)
            continue
        blocks = BLOCK.findall(read(each))
        if each == "sql.md":
            ok(len(blocks) >= 15 and len(blocks) == read(each).count("```sql"), "each example of docs/sql.md has its output")
        for example, output in blocks:
            equal(same_times(psql(name, example)), same_times(output), f"{each}: {example.split(chr(10))[0]}")
done()
