// SPDX-License-Identifier: MIT
#include "writer/writer_shape.h"

#include "schema/shape.h"

#include <stdio.h>
#include <string.h>

void writer_shape_begin(struct writer *writer, struct writer_sql *sql)
{
	writer->shape.problems = 0;
	writer->shape.problem[0] = '\0';
	writer_sql_add(sql, shape_query);
}

void writer_shape_read(struct writer *writer, PGresult *result)
{
	struct writer_shape *shape = &writer->shape;

	shape->problems = (unsigned)PQntuples(result);
	if (shape->problems > 0)
		snprintf(shape->problem, sizeof(shape->problem), "%s", PQgetvalue(result, 0, 0));
}

bool writer_shape_judge(struct writer *writer)
{
	const struct writer_shape *shape = &writer->shape;
	char more[32] = "";

	if (shape->problems == 0) {
		writer->counters.problem[0] = '\0';
		return true;
	}
	if (shape->problems > 1)
		snprintf(more, sizeof(more), " (and %u more)", shape->problems - 1);
	snprintf(writer->counters.problem, sizeof(writer->counters.problem), "%s%s", shape->problem,
		more);
	writer_link_lose(writer, TROUBLE_TABLES, "", writer->counters.problem);
	return false;
}

static void on_checked(struct writer *writer)
{
	if (writer_link_failure(writer))
		writer_link_lose_query(writer);
	else if (writer_shape_judge(writer))
		writer->shape.end(writer);
}

void writer_shape_check(struct writer *writer, writer_on_end *end)
{
	writer->shape.end = end;
	writer_sql_clear(&writer->sql);
	writer_shape_begin(writer, &writer->sql);
	writer_link_set_state(writer, WRITER_ASKING);
	writer_link_query(writer, writer->sql.data, writer_shape_read, on_checked);
}
