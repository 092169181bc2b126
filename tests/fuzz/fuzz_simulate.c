// SPDX-License-Identifier: MIT
// libFuzzer: any bytes of a server to a simulated tracker of each protocol: answers and commands.
//
//   protocol | how | bytes ...
//
//   how  bits 0, 1, 2: deltas, camera, UDP
#include "fuzz.h"

#include "simulate/simulate_registry.h"
#include "simulate/simulate_tracker.h"

#define START_US INT64_C(1795342500000000) /* 2026-11-22 10:15 */

static struct simulate_log log_of_tracker;

static void make(
	struct simulate_tracker *tracker, const struct simulate_protocol *protocol, uint8_t how)
{
	simulate_tracker_init(tracker, protocol, 1, 2);
	simulate_vehicle_start(&tracker->vehicle, 1, 2, START_US);
	memset(&log_of_tracker, 0, sizeof(log_of_tracker));
	tracker->deltas = how & 1;
	tracker->camera.on = how & 2;
	tracker->udp = how & 4;
	tracker->log = how & 1 ? &log_of_tracker : NULL;
}

// Makes what a tracker sends before and between the server's bytes.
static void talk(struct simulate_tracker *tracker, int64_t time_us)
{
	const struct simulate_protocol *protocol = tracker->protocol;
	uint8_t *burst = malloc(SIMULATE_BURST_MAX);
	CHECK(burst);
	if (protocol->login)
		CHECK(protocol->login(tracker, burst) <= SIMULATE_LOGIN_MAX);
	const struct simulate_sighting seen = simulate_vehicle_drive(&tracker->vehicle, time_us);
	tracker->last = seen;
	const size_t len = protocol->report(tracker, &seen, burst);
	CHECK(len <= SIMULATE_BURST_MAX);
	for (size_t at = 0, size; at < len; at += size) {
		size = protocol->length(burst + at, len - at);
		CHECK(size >= 1 && size <= len - at);
	}
	if (protocol->heartbeat)
		CHECK(protocol->heartbeat(tracker, &seen, burst) <= SIMULATE_RECORD_MAX);
	free(burst);
}

static void execute(struct simulate_tracker *tracker, const uint8_t *command, size_t len)
{
	if (!tracker->protocol->execute)
		return;
	uint8_t *reply = malloc(SIMULATE_REPLY_MAX);
	CHECK(reply);
	CHECK(tracker->protocol->execute(tracker, command, len, reply) <= SIMULATE_REPLY_MAX);
	free(reply);
}

// Returns the number of bytes that are an answer or a command at the head of these; 0: incomplete, or no more can be read.
static size_t read_one(struct simulate_tracker *tracker, const uint8_t *data, size_t len)
{
	const struct simulate_protocol *protocol = tracker->protocol;
	size_t used = 0;
	uint32_t key = 0;
	if (protocol->answer) {
		const enum simulate_answer answer = protocol->answer(data, len, &used, &key);
		if (answer == ANSWER_MORE || answer == ANSWER_BAD)
			return 0;
		CHECK(used >= 1);
		if (answer == ANSWER_ACK) {
			CHECK(used <= len);
			return used;
		}
	}
	if (protocol->command_length) {
		const size_t size = protocol->command_length(data, len);
		CHECK(size <= len);
		if (size > 0)
			execute(tracker, data, size);
		return size > 0 ? size : used;
	}
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input input = {data, len};
	struct simulate_tracker tracker;
	const struct simulate_protocol *protocol =
		simulate_registry[input_byte(&input) % simulate_registry_count];
	make(&tracker, protocol, input_byte(&input));
	talk(&tracker, START_US + 1000000);
	uint8_t *copy = input_copy(input);
	for (size_t at = 0, used; at < input.len; at += used) {
		used = read_one(&tracker, copy + at, input.len - at);
		if (used == 0 || used > input.len - at)
			break;
		talk(&tracker, tracker.vehicle.time_us + 1000000);
	}
	free(copy);
	return 0;
}
