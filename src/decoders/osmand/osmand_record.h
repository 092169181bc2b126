// SPDX-License-Identifier: MIT
// One record of an OsmAnd phone: fields, set one after the other, become a report.
//
//   lat, lon, location             degrees                  speed                      knots
//   timestamp                      osmand_time.h            bearing, heading           degrees
//   altitude                       m                        hdop, sat, valid
//   batt, batteryLevel             percent                  battery, power             V
//   odometer                       m                        input, output              masks
//   adc1..adc4                                              ignition, driverUniqueId, event, alarm
//   cell  mcc,mnc,lac,cid[,level]  repeatable               wifi  mac,level            repeatable
//   archive                        true: stored             notificationToken          dropped
//
// Names in any case. What is none of these, or no number where one is due, goes into extra under its name. A later value
// replaces an earlier one. Names as OsmAnd, Traccar Client and Traccar's attributes have them.
#ifndef AVLD_DECODERS_OSMAND_OSMAND_RECORD_H
#define AVLD_DECODERS_OSMAND_OSMAND_RECORD_H

#include "decoders/cells.h"
#include "decoders/osmand/osmand_message.h"

#define OSMAND_RECORD_WIFI 1024 /* bytes of extra.wifi; further points are left out */

struct osmand_record {
	const struct osmand_message *m;
	struct report *report;
	char *event, *driver; /* room for those that do not lie in the frame */
	uint64_t seen;        /* fields that were set, by their index in the table */
	int64_t lat_e7, lon_e7;
	bool has_lat, has_lon;
	bool marked_invalid; /* valid=false */
	bool outdated;       /* the last known place */
	size_t wifi_len;
	struct cells cells;
	char wifi[OSMAND_RECORD_WIFI];
};

// The value of a field. A string is a text whatever it looks like; others are "true", "false" or a number if they look so.
struct osmand_value {
	struct text text;
	bool is_string;
	bool passes; /* the text does not outlive the record: it is copied if it is needed */
};

// Begins a report with this key (report.key). Returns false if the frame has DECODED_REPORTS.
bool osmand_record_begin(
	struct osmand_record *record, const struct osmand_message *m, struct text key);
// Sets a field whose name has been found (osmand_names_find).
void osmand_record_set_found(
	struct osmand_record *record, uint8_t field, struct text name, struct osmand_value value);
// Sets a field. Those of a whole record, ident and attributes, go into extra.
void osmand_record_set(struct osmand_record *record, struct text name, struct osmand_value value);
// Sets an extra member, replacing one of that name.
void osmand_record_keep(struct osmand_record *record, struct text name, struct osmand_value value);
// Set fields that JSON has in other units.
void osmand_record_set_speed(struct osmand_record *record, struct text number_of_m_per_s);
void osmand_record_set_level(struct osmand_record *record, struct text number_of_1);
// Ends the report. If it is nowhere on earth it becomes a reject of these bytes.
void osmand_record_end(struct osmand_record *record, struct text raw);

#endif
