#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The recipes of README.md: each ```sql block of its section "Recipes" is run, and must give the ```text block that follows it.
Run by tests/sql/run. `recipes.t --update` (PG* as there) writes what they give into README.md instead."""
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
    return "".join(line.rstrip() + "\n" for line in (run.stdout + run.stderr).rstrip("\n").split("\n"))


with open(README, encoding="utf-8") as file:
    readme = file.read()
section = re.search(r"^## Recipes\n.*?(?=^## )", readme, re.S | re.M)
with Databases() as databases:
    database = databases.make("recipes")
    equal(migrate(database)[0], 0, "migrated")
    with open(os.path.join(FOLDER, "recipes/fleet.sql"), encoding="utf-8") as file:
        fleet = subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", database], input=file.read(), text=True,
                               capture_output=True)
    equal((fleet.returncode, fleet.stderr), (0, ""), "the fleet")
    if "--update" in sys.argv:
        made = BLOCK.sub(lambda m: f"```sql\n{m[1]}```\n\n```text\n{psql(database, m[1])}```\n", section[0])
        with open(README, "w", encoding="utf-8") as file:
            file.write(readme.replace(section[0], made))
    else:
        ok(section and len(BLOCK.findall(section[0])) == section[0].count("```sql"), "each recipe has its output")
        for sql, output in BLOCK.findall(section[0] if section else ""):
            equal(psql(database, sql), output, sql.split("\n")[0])
done()
