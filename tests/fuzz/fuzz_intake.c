// SPDX-License-Identifier: MIT
// libFuzzer: peers, the owner, the writer and time, on one intake whose journal is nearly full at times.
//
//   settings | action | action ...      (fuzz_actions.h)
//
// An action concerns the conversation `who`. `kind` says what value and bytes are (enum kind). Frames are in the input, so what
// was kept stays the same when captures are added. The clock stands still except in PASS.
//
// After each action: each entry can be read, its device was admitted, and the counters fit the entries and each other. At the
// end, with room in the journal and all conversations closed, nothing is left in memory, and what was held is resolved, once.
#include "fuzz_intake_peers.h"

#include "intake/admission.h"
#include "intake/memory_restore.h"
#include "intake/orphans.h"
#include "intake/row_summaries.h"
#include "intake/trace.h"
#include "intake/trial.h"
#include "util/log.h"

#define QUOTA (2u << 20)

enum kind {
	GIVE, /* bytes from the peer; value bit 0: with right checksums. Begins the conversation; who / 8: the address */
	CLOSE, /* by the peer */
	PASS,  /* seconds */
	DEVICE, /* a row of avld.devices: value: see set_device; bytes: the ident, or that of the conversation */
	FILL,   /* the journal, but for a frame and value * 256 bytes received */
	STORE,  /* the writer has stored everything */
	CHANGE, /* value: settings */
	COMMAND, /* to the conversation's device; value: the command; bytes: its first argument and text */
	UNREAD,  /* value bit 0: peers do not read what they are sent */
	WATCH,   /* a trace of the ident in bytes, or of the conversation's; value bit 0: its end */
	RESTART, /* value bit 0: killed */
	KINDS
};
_Static_assert(KINDS == ACTION_KINDS, "each kind is inserted");

enum setting {
	WITH_PHOTOS = 1,
	WITH_REFUSAL = 2, /* devices.unknown */
	WITH_ROW_LIMITS = 4,
	WITH_TRIALS = 8,
	WITH_LOADED = 16, /* avld.devices has been read. Only at the start */
	WITH_SYNC = 32,   /* replies wait for a sync */
};

static const char *const networks[] = {"", "{192.0.2.0/31}", "{2001:db8::/32}", "{bad"};
static const char *const models[] = {"", "echo", "R11", "VL103", "JC400", "MV810G"};

static struct trace_watcher watcher;
static bool watching;
static int64_t next_id;

static void check(void)
{
	check_journal();
	check_counters();
	check_slots();
}

// ---- time

static void pass(uint8_t value)
{
	static const int64_t seconds[] = {1, 1, 2, 11, 61, 121, 601, 3601};

	now_us += seconds[value % 8] * 1000000;
	for (size_t i = 0; i < SLOTS; i++) {
		resume(&slots[i]);
		look_after(&slots[i]);
	}
	command_queue_tick(intake.commands, clock_utc_us());
	if (intake.orphans)
		orphans_expire(&intake, clock_utc_us());
	trial_each_second(&intake, conversation_proves);
	row_summaries_each_second(&intake);
	scanners_log(&intake.scanners, clock_coarse_s(), false);
}

// ---- the owner and the writer

static struct text ident_of(const struct slot *slot, const struct action *action)
{
	if (action->bytes.len > 0)
		return (struct text){(const char *)action->bytes.data,
			action->bytes.len < IDENT_MAX ? action->bytes.len : IDENT_MAX};
	if (!slot->conversation)
		return (struct text){0};
	const struct session *session = &slot->conversation->feed.session;
	return (struct text){session->ident, session->ident_len};
}

static uint8_t find_protocol(const struct slot *slot, unsigned choice)
{
	if (choice == 3)
		return DEVICE_NO_DECODER;
	if (choice == 1 && slot->conversation && slot->conversation->feed.session.decoder)
		return (uint8_t)(1 + frame_counts_find(slot->conversation->feed.session.decoder));
	return choice > 0;
}

// value: bit 0 blocked, bits 1, 2 secret, 3, 4 networks, 5, 6 protocol, 7 deleted. who / 8: the model.
static void set_device(const struct slot *slot, const struct action *action)
{
	const struct text ident = ident_of(slot, action);
	const unsigned value = action->value;

	if (ident.len == 0)
		return;
	changed_port = next_port;
	struct device *device = device_directory_add(intake.directory, ident);
	CHECK(device);
	device->id = value & 128 ? 0 : ++next_id;
	device->state = value & 1 ? DEVICE_BLOCKED : DEVICE_ACTIVE;
	device->decoder = find_protocol(slot, value >> 5 & 3);
	const char *model = models[action->who / SLOTS % (sizeof(models) / sizeof(models[0]))];
	const char *secret = secrets[value >> 1 & 3].secret, *from = networks[value >> 3 & 3];
	device_directory_set_model(device, (struct text){model, strlen(model)});
	device_directory_set_secret(device, (struct text){secret, strlen(secret)});
	device_directory_set_networks(device, (struct text){from, strlen(from)});
	device_directory_set_loaded(intake.directory);
}

static void fill(uint8_t value)
{
	static char bytes[65536];
	struct entry filler = {.kind = ENTRY_REJECT};

	for (size_t len = sizeof(bytes); len >= 1024; len /= 8) {
		filler.raw = (struct text){bytes, len};
		while (intake_room(&intake, value * 256u + len / 16) == INTAKE_AMPLE)
			CHECK(intake_append_entry(&intake, &filler));
	}
}

static void store(void)
{
	check_journal();
	journal_release(intake.journal, journal_end(intake.journal));
}

static void change(uint8_t settings)
{
	config.media.photos = settings & WITH_PHOTOS;
	config.devices.unknown = settings & WITH_REFUSAL ? UNKNOWN_REFUSE : UNKNOWN_ACCEPT;
	config.devices.new_per_minute = settings & WITH_TRIALS ? 1 : 0;
	config.devices.new_per_address = settings & WITH_TRIALS ? 1 : 0;
	config.database.rejects_per_minute = settings & WITH_ROW_LIMITS ? 2 : 1000000;
	config.database.connections_per_minute = config.database.rejects_per_minute;
	config.journal.sync = settings & WITH_SYNC ? SYNC_REPLY : SYNC_OFF;
	trial_configure(&intake);
	row_summaries_configure(&intake);
}

static void on_command_ready(void *context, struct text ident)
{
	const struct device *device = device_directory_find(intake.directory, ident);

	(void)context;
	if (device && device->live && !conversation_send_command(&transport, device->live))
		end_slot(slot_of(device->live), "does not read its replies");
}

static void load_command(const struct slot *slot, const struct action *action)
{
	static const char *const names[] = {"positionSingle", "custom", "requestPhoto",
		"engineStop", "outputControl", "setTimezone", "getVersion"};
	const struct command_sink sink = command_queue_sink(intake.commands);
	const char *name = names[action->value % (sizeof(names) / sizeof(names[0]))];
	const struct text text = {(const char *)action->bytes.data, action->bytes.len};
	struct action own = {0};
	const struct command_row row = {.id = ++next_id,
		.ident = ident_of(slot, &own),
		.name = {name, strlen(name)},
		.args = {[COMMAND_INDEX] = text, [COMMAND_VALUE] = text, [COMMAND_TEXT] = text},
		.created_us = now_us,
		.expires_us = now_us + 300000000,
		.speed_kmh_e2 = -1};

	sink.begin(sink.context, 0);
	sink.row(sink.context, &row);
	sink.end(sink.context, INT64_MAX);
}

static void on_event(struct trace_watcher *of, struct text event)
{
	CHECK(of == &watcher && event.len > 1);
	CHECK(event.data[0] == '{' && event.data[event.len - 1] == '}');
	for (size_t i = 0; i < event.len; i++)
		CHECK(event.data[i] >= ' ' && event.data[i] <= '~');
}

static void watch(struct text ident, bool ends)
{
	if (watching)
		trace_unwatch(&intake, &watcher);
	watching = false;
	watcher = (struct trace_watcher){.write = on_event};
	if (!ends && trace_is_ident(ident))
		watching = trace_watch(&intake, &watcher, ident);
	if (watching)
		trace_greet(&intake, &watcher);
}

// ---- start and end of the process

static void start(uint8_t settings)
{
	static char error[JOURNAL_ERROR_SIZE];
	const struct journal_options options = {
		.dir = fuzz_folder(), .segment_size = 1 << 20, .max_size = QUOTA};

	config = (struct config){.server = {.protocols = DECODERS_ALL},
		.database = {.rejects_per_day = 100, .connections_per_day = 100},
		.commands = {.allow = UINT32_MAX}};
	intake = (struct intake){.config = &config,
		.journal = journal_open(&options, NULL, NULL, error),
		.directory = device_directory_new(),
		.memory = device_memory_new(100)};
	CHECK(intake.journal && intake.directory && intake.memory);
	change(settings);
	CHECK(trial_begin(&intake) && row_summaries_begin(&intake));
	intake.commands = command_queue_new(&config, intake.journal, on_command_ready, NULL);
	transport = (struct conversation_transport){
		.intake = &intake, .send = on_send, .displace = on_displaced};
	reports_read = rejects_read = 0;
	read_up_to = journal_end(intake.journal);
	if (!intake_has_room(&intake))
		held_is_left = true; // in the journal, for a start with more room
	memory_restore_devices(&intake);
	if (settings & WITH_LOADED)
		device_directory_set_loaded(intake.directory);
}

static void end_conversations(void)
{
	for (size_t i = 0; i < SLOTS; i++)
		end_slot(&slots[i], "shutdown");
	trial_finish(&intake);
	row_summaries_finish(&intake);
	check();
}

// Frees the conversations as the end of the process does.
static void kill_conversations(void)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct conversation *c = slots[i].conversation;
		if (!c)
			continue;
		hold_end(&intake.holds, intake.journal, &c->hold);
		feed_done(&c->feed);
		admission_drop_password(&c->credential);
		free(c->named);
		free(c);
		free(slots[i].rest);
		slots[i] = (struct slot){0};
	}
}

static void stop(void)
{
	watch((struct text){0}, true);
	command_queue_free(intake.commands);
	orphans_free(&intake);
	CHECK(intake.photos.bytes == 0 && intake.photos.yielding == 0 && !intake.photos.first);
	CHECK(intake.messages.bytes == 0 && intake.messages.yielding == 0 &&
		!intake.messages.first);
	CHECK(!intake.holds.first && !intake.holds.last);
	trial_end(&intake);
	row_summaries_end(&intake);
	device_directory_free(intake.directory);
	device_memory_free(intake.memory);
	journal_close(intake.journal);
}

static void restart(bool killed, uint8_t settings)
{
	if (killed)
		kill_conversations();
	else
		end_conversations();
	stop();
	start(settings);
}

// Once the journal has room, everything that was held is resolved.
static void finish(void)
{
	end_conversations();
	store();
	for (int i = 0; i < 4 && intake.orphans; i++) {
		pass(5);
		store();
	}
	check();
	if (intake_room(&intake, 65536) != INTAKE_AMPLE) // what is held may keep both segments
		return;
	CHECK(!intake.orphans);
	for (size_t i = 0; !held_is_left && i < held_count; i++)
		CHECK(held[i].resolved);
}

// ---- actions

static void act(const struct action *action, uint8_t *settings)
{
	struct slot *slot = &slots[action->who % SLOTS];

	switch ((enum kind)(action->kind % KINDS)) {
	case GIVE:
		give(slot, action);
		break;
	case CLOSE:
		end_slot(slot, "closed by peer");
		break;
	case PASS:
		pass(action->value);
		break;
	case DEVICE:
		set_device(slot, action);
		break;
	case FILL:
		fill(action->value);
		break;
	case STORE:
		store();
		break;
	case CHANGE:
		change(*settings = action->value);
		break;
	case COMMAND:
		load_command(slot, action);
		break;
	case UNREAD:
		peers_read = !(action->value & 1);
		break;
	case WATCH:
		watch(ident_of(slot, action), action->value & 1);
		break;
	case RESTART:
		restart(action->value & 1, *settings);
		break;
	case KINDS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input input = {data, len};
	uint8_t settings = input_byte(&input);
	struct action action;

	log_set_level(LOG_LEVEL_ERROR);
	now_us = START_US;
	next_id = 0;
	next_port = changed_port = FIRST_PORT;
	memset(said, 0, sizeof(said));
	held_count = 0;
	held_is_left = false;
	peers_read = true;
	fuzz_empty_folder(fuzz_folder());
	start(settings);
	for (int i = 0; i < ACTIONS_MOST && next_action(&input, &action); i++) {
		shared_port = 0;
		act(&action, &settings);
		check();
	}
	finish();
	stop();
	return 0;
}
