// SPDX-License-Identifier: MIT
#include "net/http_pages.h"

#include "net/health.h"
#include "net/metrics.h"
#include "net/numbers.h"

#include <inttypes.h>
#include <string.h>

static void write_status(const struct http_sources *sources, double up_s, FILE *to)
{
	struct number numbers[NUMBERS_MAX];
	const struct tally_row *row;
	const size_t count = numbers_collect(sources, numbers);

	fprintf(to, "avld " AVLD_VERSION ", up %.0f s\n", up_s);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%12" PRIu64 "  %s\n", numbers[i].value, numbers[i].help);
	for (enum conn_refusal_reason reason = 0; reason < CONN_REFUSAL_REASONS; reason++)
		if (conn_refused(sources->conns)->counts[reason])
			fprintf(to, "%12" PRIu64 "  connections refused: %s\n",
				conn_refused(sources->conns)->counts[reason],
				conn_refusals_text(reason));
	for (size_t i = 0; scanner_kind(i); i++)
		if (sources->intake->scanners.counts[i])
			fprintf(to, "%12" PRIu64 "  scanners: %s\n",
				sources->intake->scanners.counts[i], scanner_kind(i));
	for (size_t i = 0; (row = tally_next(&sources->intake->reasons, &i));)
		fprintf(to, "%12" PRIu64 "  rejected: %s: %s\n", row->count, row->group, row->text);
	for (size_t i = 0; (row = tally_next(&sources->intake->ends, &i));)
		fprintf(to, "%12" PRIu64 "  connections closed: %s\n", row->count, row->text);
}

enum http_page http_pages_write(
	const struct http_sources *sources, const char *path, double up_s, FILE *to)
{
	if (!strcmp(path, "/health"))
		return health_write(sources, to) ? HTTP_PAGE_JSON : HTTP_PAGE_UNHEALTHY;
	if (!strcmp(path, "/metrics")) {
		metrics_write(sources, to);
		return HTTP_PAGE_TEXT;
	}
	if (!strcmp(path, "/status")) {
		write_status(sources, up_s, to);
		return HTTP_PAGE_TEXT;
	}
	fputs("/health, /metrics, /status\n", to);
	return HTTP_PAGE_UNKNOWN;
}
