// SPDX-License-Identifier: MIT
// Scanners: the first bytes of other services, and that no decoder accepts them.
#include "feed/feed.h"
#include "feed/scanner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(literal)                                                                             \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

static const struct {
	const char *kind;
	struct text bytes;
} probes[] = {
	{"tls", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
		      "z")},
	{"tls", BYTES("\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x36\x01\x00\x00\x2a")},
	{"ssh", BYTES("SSH-2.0-Go\r\n")},
	{"http",
		BYTES("GET / HTTP/1.1\r\nHost: 192.0.2.1:8888\r\nUser-Agent: Mozilla/5.0\r\n\r\n")},
	{"http", BYTES("POST /sdk HTTP/1.1\r\nContent-Length: 0\r\n\r\n")},
	{"http", BYTES("OPTIONS / HTTP/1.0\r\n\r\n")},
	{"http", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
	{"rtsp", BYTES("OPTIONS / RTSP/1.0\r\n\r\n")},
	{"sip", BYTES("OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm;branch=foo\r\n\r\n")},
	{"rdp", BYTES("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00"
		      "\x00")},
	{"rdp", BYTES("\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00"
		      "Cookie: mstshash=hello\r\n")},
	{"smb", BYTES("\x00\x00\x00\xa4\xff\x53\x4d\x42\x72\x00\x00\x00\x00\x08\x01\x40")},
	{"smb", BYTES("\x00\x00\x00\xb2\xfe\x53\x4d\x42\x40\x00\x01\x00\x00\x00\x00\x00")},
	{"masscan", BYTES("MGLNDD_192.0.2.1_8888\n")},
	{"dns", BYTES("\x00\x1e\x00\x06\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04"
		      "bind\x00\x00\x10\x00\x03")},
	{"dns", BYTES("\x00\x06\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version\x04"
		      "bind\x00\x00\x10\x00\x03")},
	{"postgres", BYTES("\x00\x00\x00\x08\x04\xd2\x16\x2f")},
	{"redis", BYTES("*1\r\n$4\r\nINFO\r\n")},
	{"mongodb", BYTES("\x3f\x00\x00\x00\x7e\x00\x00\x00\x00\x00\x00\x00\xd4\x07\x00\x00\x04\x00"
			  "\x00\x00"
			  "admin.$cmd\x00")},
	{"mqtt", BYTES("\x10\x18\x00\x04MQTT\x04\x02\x00\x3c\x00\x0c"
		       "scanner")},
	{"java", BYTES("JRMI\x00\x02K")},
	{"java", BYTES("t3 12.1.2\nAS:2048\nHL:19\n\n")},
	{"ldap", BYTES("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00")},
	{"adb", BYTES("CNXN\x00\x00\x00\x01\x00\x10\x00\x00\x07\x00\x00\x00\x32\x02\x00\x00\xbc\xb1"
		      "\xa7\xb1host::\x00")},
	{"stun", BYTES("\x00\x01\x00\x00\x21\x12\xa4\x42zzzzzzzzzzzz")},
	{"bittorrent", BYTES("\x13"
			     "BitTorrent protocol\x00\x00\x00\x00\x00\x10\x00\x05")},
	{"smtp", BYTES("EHLO example.com\r\n")},
	{"x11", BYTES("l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00")},
};

// Feeds the bytes to a new conversation. Returns true if it is closed because no decoder accepts them.
static bool is_refused(struct text bytes, bool datagram)
{
	static struct decoded decoded;
	struct feed feed;
	size_t used;

	feed_init(&feed, DECODERS_ALL, NULL, datagram);
	const enum feed_verdict verdict =
		feed_step(&feed, (const uint8_t *)bytes.data, bytes.len, &decoded, &used);
	feed_done(&feed);
	return verdict == FEED_CLOSE && strcmp(decoded.detail, "unknown protocol") == 0;
}

static void each_kind_is_recognised_and_no_decoder_accepts_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		char reason[64];
		snprintf(reason, sizeof(reason), "scanner: %s", probes[i].kind);
		const char *got =
			scanner_find((const uint8_t *)probes[i].bytes.data, probes[i].bytes.len);
		if (!got || strcmp(got, reason) != 0)
			fail_msg("%zu %s: %s", i, reason, got);
		const int index = scanner_index(got);
		assert_true(index >= 0);
		assert_string_equal(scanner_kind((size_t)index), probes[i].kind);
		if (!is_refused(probes[i].bytes, false) || !is_refused(probes[i].bytes, true))
			fail_msg("%zu %s: a decoder waits for more", i, reason);
	}
}

static void each_kind_is_tested(void **state)
{
	(void)state;
	for (size_t kind = 0; scanner_kind(kind); kind++) {
		bool found = false;
		for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
			found |= strcmp(probes[i].kind, scanner_kind(kind)) == 0;
		if (!found)
			fail_msg("%s", scanner_kind(kind));
	}
	assert_int_equal(scanner_index("scanner: of my own"), -1);
	assert_int_equal(scanner_index("unknown protocol"), -1);
}

static void the_start_of_a_pattern_is_not_enough(void **state)
{
	(void)state;
	assert_null(scanner_find((const uint8_t *)"\x16\x03\x01\x02", 4));
	assert_null(scanner_find((const uint8_t *)"SSH", 3));
	assert_null(scanner_find((const uint8_t *)"GETTER", 6));
	assert_null(scanner_find((const uint8_t *)"", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_recognised_and_no_decoder_accepts_it),
		cmocka_unit_test(each_kind_is_tested),
		cmocka_unit_test(the_start_of_a_pattern_is_not_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
