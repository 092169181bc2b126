// SPDX-License-Identifier: MIT
// The tables as the writer needs them, so that a column that somebody has altered can be named.
#ifndef AVLD_SCHEMA_SHAPE_H
#define AVLD_SCHEMA_SHAPE_H

// A query with one row, one text, for each thing that is not as expected, with its remedy: "avld.positions.adc1 is bigint,
// expected integer: ALTER TABLE avld.positions ALTER COLUMN adc1 TYPE integer". Takes some milliseconds.
extern const char shape_query[];

#endif
