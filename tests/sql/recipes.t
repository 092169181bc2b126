#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The recipes of README.md: each ```sql block of its sections "Recipes" and "Why do I not see my tracker?" is run, and must give
the ```text block that follows it, but for times that diagnose tells. Run by tests/sql/run. `recipes.t --update` (PG* as there) writes what they give into README.md instead."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Databases, done, equal, migrate, ok  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(FOLDER, "../../README.md")
BLOCK = re.compile(r"```sql\n(.*?)```\n\n```text\n(.*?)```\n", re.S)


def psql(database, sql):
    run = subprocess.run(["psql", "-X", "-q", "-P", "pager=off", "-P", "footer=off", "-v", "ON_ERROR_STOP=1", "-d", database], input=sql, text=True,
                         capture_output=True, env={**os.environ, "PGTZ": "UTC", "PGDATESTYLE": "ISO", "LC_ALL": "C.UTF-8"})
    if run.returncode:
        ok(False, "the SQL is good", run.stderr)
    return "".join(line.rstrip() + "\n" for line in (run.stdout + run.stderr).rstrip("\n").split("\n"))


def same_times(text):
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "2026-05-05 12:00:00 UTC", text)


with open(README, encoding="utf-8") as file:
    readme = file.read()
sections = re.findall(r"^## (?:Recipes|Why do I not see my tracker\?)\n.*?(?=^## )", readme, re.S | re.M)
with Databases() as databases:
    database = databases.make("recipes")
    equal(migrate(database)[0], 0, "migrated")
    with open(os.path.join(FOLDER, "recipes/fleet.sql"), encoding="utf-8") as file:
        fleet = subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", database], input=file.read(), text=True,
                               capture_output=True)
    equal((fleet.returncode, fleet.stderr), (0, ""), "the fleet")
    if "--update" in sys.argv:
        for section in sections:
            made = BLOCK.sub(lambda m: f"```sql\n{m[1]}```\n\n```text\n{same_times(psql(database, m[1]))}```\n", section)
            readme = readme.replace(section, made)
        with open(README, "w", encoding="utf-8") as file:
            file.write(readme)
    else:
        equal(len(sections), 2, "both sections are there")
        for section in sections:
            blocks = BLOCK.findall(section)
            ok(blocks and len(blocks) == section.count("```sql"), "each recipe has its output")
            for sql, output in blocks:
                equal(same_times(psql(database, sql)), same_times(output), sql.split("\n")[0])
done()
