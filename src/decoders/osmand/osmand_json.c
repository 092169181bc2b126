// SPDX-License-Identifier: MIT
//   {"device_id":"1","location":{"timestamp":...,"coords":{"latitude":...},...}}     also an array, and "locations":[...]
//   {"position":{"fixTime":...,"latitude":...,"attributes":{...}},"device":{"uniqueId":"1"}}   forwarded by Traccar
//
// Members that are missing, null or of another type are left out, unknown ones ignored. Of several with one name the last
// counts.
#include "decoders/osmand/osmand_json.h"

#include "decoders/fields.h"
#include "util/json_reader.h"

#define DEPTH 16

// Members ----------------------------------------------------------------------

// Returns the last member of that name; an empty value if there is none.
static struct text find(struct text object, const char *name)
{
	struct text rest = json_reader_open(object), key, value, found = {"", 0};
	char buffer[32];
	if (json_reader_kind(object) != JSON_OBJECT)
		return found;
	while (json_reader_next_member(&rest, &key, &value))
		if (text_equal(json_reader_string(key, buffer, sizeof buffer), name))
			found = value;
	return found;
}

static struct text find_kind(struct text object, const char *name, enum json_kind kind)
{
	const struct text value = find(object, name);
	return json_reader_kind(value) == kind ? value : (struct text){"", 0};
}

// Returns the value as that of a field: a string, number, true or false. buffer: for a string with escapes. Returns false for
// others.
static bool read_value(struct text json, char buffer[EXTRA_MAX], struct osmand_value *value)
{
	switch (json_reader_kind(json)) {
	case JSON_STRING:
		value->text = json_reader_string(json, buffer, EXTRA_MAX);
		value->is_string = true;
		value->passes = value->text.data == buffer;
		return true;
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
		*value = (struct osmand_value){.text = json};
		return true;
	default:
		return false;
	}
}

// A member is a field of this name if it has one of these kinds.
#define KIND(kind) (1u << (kind))
#define A_NUMBER   KIND(JSON_NUMBER)
#define A_STRING   KIND(JSON_STRING)
#define A_BOOL     (KIND(JSON_TRUE) | KIND(JSON_FALSE))

struct member {
	const char *name, *field;
	unsigned kinds;
};

static struct text text_of(const char *literal)
{
	return (struct text){literal, strlen(literal)};
}

// Sets the field of a member.
static void set_member(struct osmand_record *r, struct text object, struct member member)
{
	char buffer[EXTRA_MAX];
	struct osmand_value value;
	const struct text json = find(object, member.name);
	if (member.kinds & KIND(json_reader_kind(json)) && read_value(json, buffer, &value))
		osmand_record_set(r, text_of(member.field), value);
}

static void set_members(
	struct osmand_record *r, struct text object, const struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		set_member(r, object, members[i]);
}

// The same as an extra member.
static void keep_member(struct osmand_record *r, struct text object, struct member member)
{
	char buffer[EXTRA_MAX];
	struct osmand_value value;
	const struct text json = find(object, member.name);
	if (member.kinds & KIND(json_reader_kind(json)) && read_value(json, buffer, &value))
		osmand_record_keep(r, text_of(member.field), value);
}

// Attributes -------------------------------------------------------------------

// Sets the members of an object as fields.
static void set_all(struct osmand_record *r, struct text object)
{
	struct text rest = json_reader_open(object), key, json;
	char name_buffer[FIELDS_NAME_MOST + 4], buffer[EXTRA_MAX];
	struct osmand_value value;
	if (json_reader_kind(object) != JSON_OBJECT)
		return;
	while (json_reader_next_member(&rest, &key, &json)) {
		const struct text name = json_reader_string(key, name_buffer, sizeof name_buffer);
		if (read_value(json, buffer, &value))
			osmand_record_set(r, name, value);
	}
}

void osmand_json_set_attributes(struct osmand_record *r, struct text text)
{
	struct text object;
	if (text.len == 0)
		return;
	if (json_reader_check(text, DEPTH, &object) && json_reader_kind(object) == JSON_OBJECT)
		set_all(r, object);
	else
		osmand_record_keep(r, text_of("attributes"),
			(struct osmand_value){.text = text, .is_string = true});
}

// Location ---------------------------------------------------------------------

// Returns what identifies a location: its uuid, because its age is another one when it is sent again; else all of it.
static struct text find_key(struct text location, struct text all)
{
	const struct text uuid = find_kind(location, "uuid", JSON_STRING);
	return uuid.len > 2 ? uuid : all;
}

static void set_coords(struct osmand_record *r, struct text coords)
{
	static const struct member members[] = {
		{"latitude", "lat", A_NUMBER},
		{"longitude", "lon", A_NUMBER},
		{"heading", "heading", A_NUMBER},
		{"accuracy", "accuracy", A_NUMBER},
		{"altitude", "altitude", A_NUMBER},
	};
	set_members(r, coords, members, sizeof members / sizeof members[0]);
	const struct text speed = find_kind(coords, "speed", JSON_NUMBER);
	if (speed.len > 0)
		osmand_record_set_speed(r, speed);
}

static enum osmand_fault decode_location(
	const struct osmand_message *m, struct text location, struct text all, struct text raw)
{
	static const struct member members[] = {
		{"timestamp", "timestamp", A_STRING | A_NUMBER},
		{"odometer", "odometer", A_NUMBER},
		{"event", "event", A_STRING},
		{"alarm", "alarm", A_STRING},
	};
	struct osmand_record record;
	const struct text battery = find(location, "battery");
	if (!osmand_record_begin(&record, m, find_key(location, all)))
		return OSMAND_MANY_RECORDS;
	set_all(&record, find(location, "extras"));
	set_members(&record, location, members, sizeof members / sizeof members[0]);
	set_coords(&record, find(location, "coords"));
	keep_member(&record, location, (struct member){"is_moving", "motion", A_BOOL});
	const struct text level = find_kind(battery, "level", JSON_NUMBER);
	if (level.len > 0)
		osmand_record_set_level(&record, level);
	keep_member(&record, battery, (struct member){"is_charging", "charge", A_BOOL});
	keep_member(
		&record, find(location, "activity"), (struct member){"type", "activity", A_STRING});
	keep_member(&record, location, (struct member){"mock", "mock", A_BOOL});
	osmand_record_end(&record, raw);
	return OSMAND_FINE;
}

static enum osmand_fault decode_locations(const struct osmand_message *m, struct text array)
{
	struct text rest = json_reader_open(array), element;
	size_t count = 0;
	while (json_reader_next_element(&rest, &element))
		if (++count > DECODED_REPORTS)
			return OSMAND_MANY_RECORDS;
	rest = json_reader_open(array);
	while (json_reader_next_element(&rest, &element)) {
		// The first report has the whole request, with which all of them can be decoded again.
		struct osmand_message one = *m;
		if (m->out->report_count > 0)
			one.raw = element;
		if (json_reader_kind(element) == JSON_OBJECT)
			decode_location(&one, element, element, element);
	}
	return OSMAND_FINE;
}

// Forwarded position -------------------------------------------------------------

static enum osmand_fault decode_forwarded(const struct osmand_message *m, struct text position)
{
	static const struct member members[] = {
		{"fixTime", "timestamp", A_STRING | A_NUMBER},
		{"valid", "valid", A_BOOL},
		{"latitude", "lat", A_NUMBER},
		{"longitude", "lon", A_NUMBER},
		{"altitude", "altitude", A_NUMBER},
		{"speed", "speed", A_NUMBER},
		{"course", "bearing", A_NUMBER},
		{"accuracy", "accuracy", A_NUMBER},
	};
	struct osmand_record record;
	if (!osmand_record_begin(&record, m, position))
		return OSMAND_MANY_RECORDS;
	set_all(&record, find(position, "attributes"));
	set_members(&record, position, members, sizeof members / sizeof members[0]);
	record.outdated = json_reader_kind(find(position, "outdated")) == JSON_TRUE;
	osmand_record_end(&record, m->raw);
	return OSMAND_FINE;
}

// Sets the ident of a string or number.
static enum osmand_fault set_ident(const struct osmand_message *m, struct text json)
{
	char buffer[IDENT_MAX + 5]; // one character more than an ident may have
	const struct text string = json_reader_string(json, buffer, sizeof buffer);
	return osmand_message_set_ident(m, json_reader_kind(json) == JSON_NUMBER ? json : string);
}

enum osmand_fault osmand_json_decode(const struct osmand_message *m, struct text text)
{
	struct text whole;
	if (!json_reader_check(text, DEPTH, &whole) || json_reader_kind(whole) != JSON_OBJECT)
		return OSMAND_BAD_JSON;
	const struct text position = find_kind(whole, "position", JSON_OBJECT);
	const struct text device = find_kind(whole, "device", JSON_OBJECT);
	const bool forwarded = position.len > 0 && device.len > 0;
	const enum osmand_fault fault =
		set_ident(m, forwarded ? find(device, "uniqueId") : find(whole, "device_id"));
	if (fault != OSMAND_FINE)
		return fault;
	if (forwarded)
		return decode_forwarded(m, position);
	struct text location = find(whole, "location");
	const enum json_kind kind = json_reader_kind(location);
	if (kind != JSON_OBJECT && kind != JSON_ARRAY)
		location = find_kind(whole, "locations", JSON_ARRAY);
	if (json_reader_kind(location) == JSON_ARRAY)
		return decode_locations(m, location);
	return decode_location(m, location, whole, m->raw);
}
