// SPDX-License-Identifier: MIT
// The idents of log.trace: their events (intake/trace.h) as log lines.
#ifndef AVLD_INTAKE_TRACE_LOG_H
#define AVLD_INTAKE_TRACE_LOG_H

#include "intake/intake.h"

struct trace_log;

// Traces these idents, separated by commas and blanks, instead of those in *log (NULL: none yet), whose watchers end; ""
// ends all. At most CONFIG_TRACE_IDENTS, as the settings have checked. Returns false if out of memory. Not from within an
// event. trace_log_set(intake, log, "") frees everything.
bool trace_log_set(struct intake *intake, struct trace_log **log, const char *idents);

#endif
