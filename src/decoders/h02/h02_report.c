// SPDX-License-Identifier: MIT
// The status word, 32 bits, a bit at 0 is active. Papers number it by bytes: byte n, bit k is bit 8 * (4 - n) + k.
//
//   0 vibration   1 SOS        2 overspeed   4 fence entered     7 fence left    8 door open   9 armed
//   10 ACC (1 = on)            18 SOS        19 runs on battery  20 battery out  27 engine blocked
//
// Alarms stay in the word until the tracker is told to clear them; while they stay it reports every few minutes. Only the
// change against the device's last word is an alarm.
#include "decoders/h02/h02_report.h"
#include "protocol/device_memory.h"

#define BIT_DOOR    8
#define BIT_ARMED   9
#define BIT_ACC     10
#define BIT_BLOCKED 27

static const struct {
	uint8_t bit, alarm;
} alarms[] = {
	{0, ALARM_VIBRATION},
	{1, ALARM_SOS},
	{2, ALARM_OVERSPEED},
	{4, ALARM_GEOFENCE_ENTER},
	{7, ALARM_GEOFENCE_EXIT},
	{18, ALARM_SOS},
	{19, ALARM_POWER_CUT},
	{20, ALARM_POWER_CUT},
};

const char *h02_report_letters(const struct session *session)
{
	return session->memo[H02_MEMO_LETTERS] ? (const char *)session->memo + H02_MEMO_LETTERS
					       : "HQ";
}

void h02_report_status(struct session *session, struct report *report, uint32_t word,
	struct text text, struct decoded *out)
{
	struct h02_device *device = device_memory_block(session);
	const uint32_t low = ~word;
	const uint64_t fallen = low & ~(device ? device->fallen : 0);
	for (size_t i = 0; i < sizeof alarms / sizeof alarms[0]; i++)
		if (fallen >> alarms[i].bit & 1)
			report_add_alarm(report, (enum alarm)alarms[i].alarm);
	if (device)
		decoded_change(out, &device->fallen, low);
	report_set_ignition(report, word >> BIT_ACC & 1);
	extra_text(out, report, "status", text.data, text.len);
	if (!(word >> BIT_DOOR & 1))
		extra_bool(out, report, "door", true);
	if (!(word >> BIT_ARMED & 1))
		extra_bool(out, report, "armed", true);
	if (!(word >> BIT_BLOCKED & 1))
		extra_bool(out, report, "blocked", true);
}
