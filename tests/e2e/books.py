# SPDX-License-Identifier: MIT
"""Reads /metrics, and checks that what came in and what became of it are equal (docs/metrics.md, "The books").

The equations hold in every single page, at any time: the daemon is one thread."""
import re

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
CLOSED = "avld_connections_closed_total"

# Each: what came in, what became of it.
EQUATIONS = (
    (("avld_frames_total",), ("avld_frame_outcomes_total",)),
    (("avld_reports_decoded_total",), ("avld_reports_total", "avld_reports_refused_total", "avld_reports_on_trial")),
    (("avld_reports_total", "avld_reports_again_total"),
     ("avld_positions_total", "avld_statuses_total", "avld_duplicates_total", "avld_reports_left_out_total",
      "avld_reports_pending", "avld_reports_lost_total")),
    (("avld_rejects_total",), ("avld_rejected_total",)),
    (("avld_connections_opened_total",), (CLOSED, "avld_connections")),
)


def read(text, may_lose=False):
    """Returns the value of each sample by its name with labels, and under the name alone the sum of a family with labels.
    Fails if the books do not balance. may_lose: the journal was damaged while the daemon ran."""
    figures = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        value = float(value) if "." in value or "e" in value else int(value)
        if labels:
            figures[f"{name}{{{labels}}}"] = value
        if not labels or not name.endswith("_bucket"):
            figures[name] = figures.get(name, 0) + value
    check(figures, may_lose)
    return figures


def of_family(figures, family):
    """Returns the samples of a family by their labels."""
    return {name[len(family) + 1:-1]: value for name, value in figures.items() if name.startswith(family + "{")}


def check(figures, may_lose=False):
    for came, became in EQUATIONS:
        sides = [{name: figures.get(name, 0) for name in names} for names in (came, became)]
        assert sum(sides[0].values()) == sum(sides[1].values()), f"the books do not balance: {sides[0]} are not {sides[1]}"
    for sender, frames in of_family(figures, "avld_frames_total").items():
        outcomes = [value for labels, value in of_family(figures, "avld_frame_outcomes_total").items()
                    if labels.startswith(sender + ",")]
        assert sum(outcomes) == frames, f"frames of {sender}: {frames}, outcomes: {outcomes}"
    if figures["avld_journal_waiting_bytes"] == 0:
        assert figures["avld_reports_pending"] == figures["avld_journal_pending_entries"] == 0
    if not may_lose:
        assert figures["avld_reports_lost_total"] == figures["avld_journal_lost_entries_total"] == 0
