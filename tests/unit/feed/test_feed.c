// SPDX-License-Identifier: MIT
// The feed with the real decoders: which decoder is chosen, and that the result does not depend on how the bytes are cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decoders/decoders.h"
#include "decoders/gt06/gt06_wire.h"
#include "feed/feed.h"
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct guarded page;

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

// Whole frames that open a conversation: one for each way in which a tracker may open it.
static const struct golden {
	const struct decoder *decoder;
	const uint8_t *data;
	size_t len;
	unsigned reports, rejects; /* the feed's result */
} goldens[] = {
	{&decoder_pt502,
		BYTES("$POS,5020001,101500.000,A,4807.0380,N,01131.0000,E,22.40,84.40,221126,,,A/"
		      "00010,00000/"
		      "0,0,0,0/1200//fa7/\r\n"),
		1, 0},
	{&decoder_pt502, BYTES("$POS,5020001,101500.000,V,,,,,,,221126,,,\n"), 1, 0},
	{&decoder_pt502,
		BYTES("$IN4,005020001,235959.999,A,204.6787,S,204.6787,W,,26815635,291228,,/"
		      "00000,00000/1f,,2/1/#\n"),
		1, 0},
	{&decoder_pt502,
		BYTES("$HDA,502000100000001,000000,A,0000.0000,N,18000.0000,E,0.0,0.0,010126\r\r"),
		1, 0},
	{&decoder_pt502, BYTES("$FUS5020001,FW_1,2.0\r\r"), 1, 0},
	{&decoder_pt502,
		BYTES("$PHO2048-1,5020001,101500.000,A,4807.0380,N,01131.0000,E,0.00,,221126,,,A/"
		      "00010,00000/"
		      "0/1200\r\n"),
		1, 0},
	{&decoder_pt502,
		BYTES("\xbf\xfb\xff\x40\x00$POS,5020001,101500.000,A,4807.0380,N,01131.0000,E,,,"
		      "221126"),
		1, 0},
	{&decoder_pt502, BYTES("\xbf\xfb\xff\x0b\x00@\x11\x06\x00\x01\x37"), 0, 1},
	/* log-in */
	{&decoder_gt06,
		BYTES("\x78\x78\x0d\x01\x08\x60\x00\x00\x00\x00\x00\x17\x00\x01\xdf\xea\x0d\x0a"),
		1, 0},
	/* heartbeat */
	{&decoder_gt06, BYTES("\x78\x78\x0a\x13\x46\x05\x03\x00\x02\x00\x02\x84\x55\x0d\x0a"), 0,
		1},
	/* position 12 */
	{&decoder_gt06,
		BYTES("\x78\x78\x1f\x12\x1a\x0b\x16\x0a\x0f\x00\xc9\x02\x33\x0c\xa0\x03\x3e\xd7\x50"
		      "\x2a\x10\x5a\x01\xf6\x0a\x1b\x2c\x00\xa1\xb2\x00\x03\xbe\xce\x0d\x0a"),
		0, 1},
	/* alarm 26 */
	{&decoder_gt06,
		BYTES("\x78\x78\x25\x26\x1a\x0b\x16\x0a\x0f\x00\xc9\x02\x33\x0c\xa0\x03\x3e\xd7\x50"
		      "\x00\x10\x00\x09\x01\xf6\x0a\x1b\x2c\x00\xa1\xb2\x46\x04\x04\x01\x02\x00\x04"
		      "\x96\x2a\x0d\x0a"),
		0, 1},
	/* position 22 */
	{&decoder_gt06,
		BYTES("\x78\x78\x26\x22\x1a\x0b\x16\x0a\x0f\x00\xc9\x02\x33\x0c\xa0\x03\x3e\xd7\x50"
		      "\x2a\x10\x5a\x01\xf6\x0a\x1b\x2c\x00\xa1\xb2\x01\x00\x00\x00\x00\x04\xb0\x00"
		      "\x05\x23\x75\x0d\x0a"),
		0, 1},
	/* position A0, 4G cell */
	{&decoder_gt06,
		BYTES("\x78\x78\x2a\xa0\x1a\x0b\x16\x0a\x0f\x00\xc9\x02\x33\x0c\xa0\x03\x3e\xd7\x50"
		      "\x2a\x10\x5a\x81\xf6\x00\x0a\x00\x00\x1b\x2c\x00\x00\x00\x00\x0a\x1b\x2c\x3d"
		      "\x01\x00\x00\x00\x06\x17\x81\x0d\x0a"),
		0, 1},
	/* H02: position, heartbeat, cells, a connection without an id of its own */
	{&decoder_h02,
		BYTES("*HQ,8600000017,V1,091530,A,1220.7360,N,09845.9240,W,033.00,274,140531,"
		      "FFFFFFFF#"),
		1, 0},
	{&decoder_h02, BYTES("*hq,860000000000017,VP1,V,502,10,6956,41394,61Y6956,41395,70#\r\n"),
		1, 0},
	{&decoder_h02, BYTES("*TH,8600000017,HTBT#"), 1, 0},
	{&decoder_h02, BYTES("*HQ,,V1,091700,V,,,,,,,140531,FFFFFBFF#"), 0, 1},
	{&decoder_h02, BYTES("*HQ,8600000017,SMS,a\nb, c#"), 1, 0},
	/* GPS103: log-in, heartbeat, position, no GPS, OBD, a photo's part, the layout with '*', a log-in in the old way */
	{&decoder_gps103, BYTES("##,imei:860000000000017,A;"), 0, 0},
	{&decoder_gps103, BYTES("860000000000017;"), 0, 0},
	{&decoder_gps103,
		BYTES("imei:860000000000017,tracker,310514121530,,F,091530.000,A,1220.7360,N,"
		      "09845.9240,W,33.00,274.50,,1,0,45.20%,,+21;"),
		1, 0},
	{&decoder_gps103,
		BYTES("860000000000017imei:860000000000017,,3105141216,,L,,,1B2C,,A1B2\r\n"), 1, 0},
	{&decoder_gps103, BYTES("imei:860000000000017,OBD,310514121800,123456,3.20,8.50,1200;"), 1,
		0},
	{&decoder_gps103, BYTES("imei:860000000000017,vr,00000000ffd8ffe00000;"), 1, 0},
	{&decoder_gps103, BYTES("imei:860000000000017,L,*"), 0, 0},
	{&decoder_gps103,
		BYTES("imei:860000000000017,Unit 1,---,------,----,091830,140531,21,1,12.345600,"
		      "-98.765400,058,274,0152,1.20,09,0,1,---,*"),
		1, 0},
	{&decoder_gps103, BYTES("imei:860000000000017,A;"), 0, 0},
	/* TK103: handshake, position, ids of other lengths, comma style, a text that contains a ) */
	{&decoder_tk103, BYTES("(600000000017BP00860000000000017HSO)"), 0, 0},
	{&decoder_tk103,
		BYTES("(600000000017BR00310514A1220.7360N09845.9240W061.1091530274.5001000000"
		      "L0001E240)"),
		1, 0},
	{&decoder_tk103, BYTES("(60000000017BZ00,502,010,1b2c,a1b2,43)\r\n"), 1, 0},
	{&decoder_tk103, BYTES("(860000000000017BV00TESTVIN0000000017)"), 1, 0},
	{&decoder_tk103, BYTES("(TESTERUNIT17BR00310514A9920.7360N09845.9240W)"), 0, 1},
	{&decoder_tk103, BYTES("(860000000000017,ZC20,140531,091800,5,398,121,0)"), 1, 0},
	{&decoder_tk103, BYTES("(860000000000017,ZC03,140531,091930,$a)b\n(c)$)"), 1, 0},
	/* JT808: heart-beat whose check is escaped; position in a 2019 header; the E7 dialect */
	{&decoder_jt808, BYTES("\x7e\x00\x02\x00\x00\x08\x60\x00\x00\x00\x17\x00\x03\x7d\x02\x7e"),
		0, 0},
	{&decoder_jt808,
		BYTES("\x7e\x02\x00\x40\x1c\x01\x00\x00\x08\x60\x00\x00\x00\x00\x00\x17\x00\x06\x00"
		      "\x00\x00\x00\x00\x00\x00\x02\x00\xbe\xbc\x20\x05\xdb\x2d\x10\x00\x0a\x00\x00"
		      "\x00\x00\x31\x05\x14\x17\x17\x00\xcf\x7e"),
		1, 0},
	{&decoder_jt808,
		BYTES("\xe7\x02\x00\x00\x1c\x00\x16\x00\x00\x00\x00\x17\x00\x05\x00\x00\x00\x00\x00"
		      "\x00\x00\x03\x03\x3f\x9a\xa0\x01\x1e\x1a\x30\x00\x3e\x02\x00\x3e\x01\x00\xe6"
		      "\x02\x26\x03\x14\x17\x26\x53\x9d\xe7"),
		1, 0},
	/* Teltonika: log-in, after a keep-alive too */
	{&decoder_teltonika,
		BYTES("\x00\x0f\x38\x36\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x31\x37"), 0,
		0},
	{&decoder_teltonika,
		BYTES("\xff\x00\x0e\x38\x36\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x31\x37"), 0,
		0},
	/* Watch: keep-alive, a name with brackets, with an index */
	{&decoder_watch, BYTES("[3G*8600000017*000C*LK,1234,0,76]"), 1, 0},
	{&decoder_watch,
		BYTES("[3G*8600000017*007B*UD,140531,092000,V,0.0,N,0.0,E,22.0,0,-1,0,100,98,0,0,"
		      "00000000,0,2,a]b,02:00:5e:10:00:01,-53,[5G],02:00:5e:10:00:02,-79,0.0]"),
		1, 0},
	{&decoder_watch,
		BYTES("[ZJ*860000000000017*0012*0053*AL,140531,091700,A,20.500000,S,30.250000,E,"
		      "0.00,0.0,0.0,7,85,75,1240,0,00100000,0,0]"),
		1, 0},
	/* OsmAnd: a query, a form, JSON in a chunk, one that a position cannot have */
	{&decoder_osmand,
		BYTES("GET /?id=phone-017&lat=52.2296756&lon=21.0122287&timestamp=1773480413 "
		      "HTTP/1.1\r\nHost: t.example:8888\r\n\r\n"),
		1, 0},
	{&decoder_osmand,
		BYTES("POST / HTTP/1.1\r\nContent-Length: 23\r\n\r\nid=phone-017&alarm=sos&x"), 1,
		0},
	{&decoder_osmand,
		BYTES("PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"device_id\":"
		      "\"1\"}\r\n0\r\n\r\n"),
		1, 0},
	{&decoder_osmand, BYTES("HEAD http://t.example/?id=1&lat=91&lon=0 HTTP/1.0\n\n"), 0, 1},
	/* Suntech: with a family, a keep-alive, a result, ST9xx, the universal form */
	{&decoder_suntech,
		BYTES("ST300STT;860000017;45;315;20260314;09:26:53;1a2b3c;-23.550520;-046.633308;"
		      "047.300;271.00;11;1;1234567;13.65;100010;2;0184\r"),
		1, 0},
	{&decoder_suntech, BYTES("SA200ALV;608945\r"), 0, 0},
	{&decoder_suntech, BYTES("ST300CMD;Res;860000017;315;Enable1\r"), 1, 0},
	{&decoder_suntech,
		BYTES("ST910;Location;860017;528;20260314;09:26:53;f1dd134840;-23.550520;"
		      "-046.633308;000.070;000.00;1;286734;72;1;0;0188\r"),
		1, 0},
	{&decoder_suntech,
		BYTES("UEX;0860000017;7FFFF;52;1.0.17;1;20260314;09:26:53;0000697;724;11;4EDA;33;"
		      "-5.795000;-35.209440;0.00;0.00;11;1;00000001;00000000;9;a\r;b;C0\r\n;A7\r"),
		1, 0},
	{&decoder_suntech, BYTES("RES;0860000017;04;01\r"), 1, 0},
	/* Wialon IPS: log-in, compressed too, data before it, a heart-beat, a photo before it */
	{&decoder_wialon_ips, BYTES("#L#2.0;860000000000017;NA;5760\r\n"), 0, 0},
	{&decoder_wialon_ips,
		BYTES("\xff\x1d\x00\x78\x9c\x53\xf6\x51\x36\xd2\x33\xb0\xb6\x30\x33\x40\x00\x43"
		      "\x73\x6b\x3f\x47\x6b\x53\x73\x33\x03\x00\x5c\x13\x06\x1b"),
		0, 0},
	{&decoder_wialon_ips, BYTES("#SD#140326;092653;5213.7805;N;02100.7337;E;47;271;113;11\r\n"),
		0, 1},
	{&decoder_wialon_ips, BYTES("#P#\n"), 0, 0},
	{&decoder_wialon_ips, BYTES("#I#4;0;0;140326;093200;a.jpg\r\n\xff\xd8\r\n"), 0, 1},
	/* Queclink: report, heartbeat, one without a version, two messages; binary event and records */
	{&decoder_queclink,
		BYTES("+RESP:GTIGF,060502,860000000000017,van1,1958,1,0.0,271,113.0,21.012228,52."
		      "229675,20260314093000,0260,0002,1A2B,0C4D,00,00321:11:02,1236.0,"
		      "20260314093002,00AC$"),
		1, 0},
	{&decoder_queclink, BYTES("+ACK:GTHBD,060502,860000000000017,van1,20260314094000,00AD$"), 0,
		0},
	{&decoder_queclink,
		BYTES("+RESP:GTTRI,860000000000017,1,0,99,1,4.3,92,70.0,-30.250000,-20.500000,"
		      "20260314100100,0460,"
		      "0000,18d8,6141,00,20260314100101,0004,0102$"),
		1, 0},
	{&decoder_queclink,
		BYTES("+RESP:GTPFA,060502,860000000000017,van1,20260314112017,00D8+RESP:GTPNA,"
		      "060502,,van1,"
		      "20260314112018,00D9$"),
		1, 1},
	{&decoder_queclink,
		BYTES("\x2b\x45\x56\x54\x2d\x00\xfc\x1f\xbf\x00\x63\x45\x01\x02\x02\x09\x56\x00\x00"
		      "\x00\x00\x00\x01\x07\x62\x35\x52\x22\x0b\x00\x00\x02\x00\x00\x00\x4d\x01\x01"
		      "\x00\x2f\x03\x01\x0f\x00\x71\x01\x40\x9f\x04\x03\x1c\xf6\x2b\x07\xea\x03\x0e"
		      "\x09\x1a\x35\x01\x04\x00\x02\x1a\x2b\x0c\x4d\x00\x00\x00\x0c\x05\x00\x04\xd2"
		      "\x05\x01\x02\x03\x00\x00\x01\x41\x07\x2c\x07\xea\x03\x0e\x09\x1a\x37\x00\xb1"
		      "\xf0\xd3\x0d\x0a"),
		1, 0},
	{&decoder_queclink,
		BYTES("\x2b\x00\x00\x38\x00\x08\x60\x00\x00\x00\x00\x00\x17\x82\x03\x00\x03\x00\x00"
		      "\x21\x69\xb5\x29\xdf\x00\x07\x50\x00\x52\x16\x29\x01\x40\x9f\x04\x03\x1c\xf6"
		      "\x2b\x69\xb5\x29\xdd\x01\xd9\x09\x01\x0f\x00\x04\x6a\x0b\x00\x11\xd4\x24"),
		1, 0},
	/* Meitrack: position, event, both binary layouts, heart-beat, an answer */
	{&decoder_meitrack,
		BYTES("$$A167,860000000000017,AAA,35,52.229675,21.012228,260314092653,A,11,24,47,"
		      "271,0.9,113,1234567,889900,260|2|1A2B|0C4D,0400,0003|0000|0000|019D|0556,"
		      "00000001,,3,0000,,0,0*1B\r\n"),
		1, 0},
	{&decoder_meitrack,
		BYTES("$$C156,860000000000017,AFF,0004,23,52.229675,21.012228,260314093100,V,0,24,"
		      "0,0,0.0,113,1234600,890160,260|2|1A2B|0C4D,0000,0000|0000|0000|0190|0000,,,"
		      "3,0000,*C1\r\n"),
		1, 0},
	{&decoder_meitrack,
		BYTES("\x24\x24\x51\x35\x34\x2c\x38\x36\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30"
		      "\x31\x37\x2c\x43\x43\x43\x2c\x01\x05\x14\x00\x01\x00\x00\x00\x61\x62\x63\x64"
		      "\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f\x70\x71\x72\x73\x74\x2a\x43\x43"
		      "\x0d\x0a"),
		1, 0},
	{&decoder_meitrack,
		BYTES("\x24\x24\x45\x31\x32\x30\x2c\x38\x36\x30\x30\x30\x30\x30\x30\x30\x30\x30\x30"
		      "\x30\x31\x37\x2c\x43\x43\x45\x2c\x00\x00\x00\x00\x01\x00\x56\x00\x15\x00\x07"
		      "\x01\x01\x05\x01\x06\x09\x07\x16\x14\x00\x15\x01\xfe\x69\x57\x07\x08\x2f\x00"
		      "\x09\x0f\x01\x0a\x09\x00\x0b\xfd\xff\x19\x93\x01\x1a\x56\x05\x40\x01\x00\x05"
		      "\x02\xc8\xa5\x98\xfe\x03\xa4\x6e\x38\xfd\x04\x90\xe7\x47\x31\x0c\xa8\xd6\x12"
		      "\x00\x0d\x58\x95\x0d\x00\x02\x0e\x0c\xd4\x02\x05\x00\x19\x2f\x93\xa8\x00\x00"
		      "\xb9\xff\x2a\x03\x01\x83\xff\x2a\x41\x45\x0d\x0a"),
		1, 0},
	{&decoder_meitrack, BYTES("$$z25,860000000000017,AAC*56\r\n"), 0, 0},
	{&decoder_meitrack, BYTES("$$G28,860000000000017,C01,OK*CB\r\n"), 1, 0},
	/* voltage 94, long header */
	{&decoder_gt06, BYTES("\x79\x79\x00\x08\x94\x00\x05\x07\x00\x07\x9c\xcc\x0d\x0a"), 0, 1},
};
#define GOLDENS (sizeof(goldens) / sizeof(goldens[0]))

// Returns true if the frame may also be a datagram. A Teltonika logs in over TCP only; a datagram of Wialon IPS has an ident before
// it, unless it is compressed.
static bool is_datagram_too(const struct golden *golden)
{
	return golden->decoder != &decoder_teltonika &&
	       (golden->decoder != &decoder_wialon_ips || golden->data[0] == 0xFF) &&
	       strcmp(golden->decoder->transports, "TCP") != 0;
}

static void only_its_own_decoder_recognises_a_frame(void **state)
{
	(void)state;
	for (size_t g = 0; g < GOLDENS; g++) {
		const struct golden *golden = &goldens[g];
		for (size_t i = 0; registry_decoders[i]; i++) {
			for (int datagram = 0; datagram < 2; datagram++) {
				const enum probe probe = registry_decoders[i]->probe(
					golden->data, golden->len, datagram);
				const bool own = registry_decoders[i] == golden->decoder &&
						 (!datagram || is_datagram_too(golden));
				assert_int_equal(probe, own ? PROBE_YES : PROBE_NO);
			}
			for (size_t len = 1; len < golden->len; len++) {
				const uint8_t *prefix = guarded_copy(&page, golden->data, len);
				const enum probe probe =
					registry_decoders[i]->probe(prefix, len, false);
				if (registry_decoders[i] != golden->decoder)
					assert_true(probe == PROBE_NO || probe == PROBE_MORE);
				else
					assert_int_not_equal(probe, PROBE_NO);
			}
		}
	}
}

// Sums of everything that the feed returned.
struct outcome {
	size_t reports, rejects, replies;
	uint64_t dedup; /* of all reports, in order */
	const struct decoder *decoder;
	enum feed_verdict last;
};

static struct decoded decoded;

static void add(struct outcome *outcome, const struct feed *feed)
{
	assert_null(decoded.fault);
	for (size_t i = 0; i < decoded.report_count; i++)
		outcome->dedup = outcome->dedup * 31 + decoded.reports[i].body.dedup;
	outcome->reports += decoded.report_count;
	outcome->rejects += decoded.reject_count;
	outcome->replies += decoded.reply_len[REPLY_NOW] + decoded.reply_len[REPLY_STORED];
	outcome->decoder = feed->session.decoder;
}

// Feeds the pieces that end at cuts[0] < cuts[1] < ... < len as a stream.
static struct outcome feed_pieces_with(struct device_memory *memory, const uint8_t *data,
	size_t len, const size_t *cuts, size_t cut_count)
{
	struct outcome outcome = {.last = FEED_MORE};
	struct feed feed;
	size_t start = 0;

	feed_init(&feed, DECODERS_ALL, NULL, false);
	feed.session.memory = memory;
	feed.session.received_us = 1795342500000000; // 2026-11-22 10:15
	for (size_t piece = 0; piece <= cut_count; piece++) {
		const size_t end = piece < cut_count ? cuts[piece] : len;
		while (start < end) {
			size_t used;
			const uint8_t *at = guarded_copy(&page, data + start, end - start);
			outcome.last = feed_step(&feed, at, end - start, &decoded, &used);
			if (outcome.last == FEED_MORE)
				break;
			assert_in_range(used, decoded.reject_count ? 0 : 1, end - start);
			start += used;
			add(&outcome, &feed);
			if (outcome.last == FEED_CLOSE) {
				feed_done(&feed);
				return outcome;
			}
		}
	}
	outcome.dedup += feed.frames;
	assert_int_equal(outcome.rejects, feed.rejects);
	feed_done(&feed);
	return outcome;
}

static struct outcome feed_pieces(
	const uint8_t *data, size_t len, const size_t *cuts, size_t cut_count)
{
	return feed_pieces_with(NULL, data, len, cuts, cut_count);
}

static void assert_same(struct outcome a, struct outcome b)
{
	assert_int_equal(a.reports, b.reports);
	assert_int_equal(a.rejects, b.rejects);
	assert_int_equal(a.replies, b.replies);
	assert_int_equal(a.dedup, b.dedup);
	assert_ptr_equal(a.decoder, b.decoder);
}

static void the_result_does_not_depend_on_the_cuts(void **state)
{
	(void)state;
	for (size_t g = 0; g < GOLDENS; g++) {
		const struct golden *golden = &goldens[g];
		const struct outcome whole = feed_pieces(golden->data, golden->len, NULL, 0);
		assert_int_equal(whole.reports, golden->reports);
		assert_int_equal(whole.rejects, golden->rejects);
		assert_ptr_equal(whole.decoder, golden->decoder);
		size_t cuts[256];
		assert_in_range(golden->len, 1, 256);
		for (size_t at = 1; at < golden->len; at++) {
			cuts[at - 1] = at;
			assert_same(whole, feed_pieces(golden->data, golden->len, &at, 1));
		}
		assert_same(whole, feed_pieces(golden->data, golden->len, cuts, golden->len - 1));
	}
}

static void many_frames_in_one_read_after_blanks(void **state)
{
	static uint8_t data[4096];
	size_t cuts[4096], len = 0;
	unsigned reports = 0;

	(void)state;
	memcpy(data, "\r\n \0\n", 5);
	len = 5;
	for (size_t g = 0; g < GOLDENS; g++) {
		if (goldens[g].decoder != &decoder_pt502 || goldens[g].rejects)
			continue;
		for (int n = 0; n < 3; n++) {
			memcpy(data + len, goldens[g].data, goldens[g].len);
			len += goldens[g].len;
			reports += goldens[g].reports;
			data[len++] = '\r';
			data[len++] = '\n';
		}
	}
	const struct outcome whole = feed_pieces(data, len, NULL, 0);
	assert_int_equal(whole.reports, reports);
	assert_int_equal(whole.rejects, 0);
	for (size_t at = 1; at < len; at++) {
		cuts[at - 1] = at;
		assert_same(whole, feed_pieces(data, len, &at, 1));
	}
	assert_same(whole, feed_pieces(data, len, cuts, len - 1));
}

static void declared_limits_are_within_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; registry_decoders[i]; i++) {
		assert_in_range(decoder_frame_max(registry_decoders[i]), 1, FRAME_MOST);
		assert_in_range(registry_decoders[i]->sniff_max, 0, SNIFF_MOST);
	}
	assert_in_range(registry_sniff_max(DECODERS_ALL), SNIFF_CAP, SNIFF_MOST);
}

#define LOGIN_LEN   18
#define PICTURE_LEN 65541 /* the longest frame of GT06 */

// Writes a log-in of GT06, a picture (41) of this many bytes in all, and a heart-beat. Returns the bytes written.
static size_t write_picture(uint8_t *out, size_t len)
{
	static const uint8_t login[] = {0x01, 0x08, 0x60, 0, 0, 0, 0, 0, 0x17};
	static const uint8_t heartbeat[] = {0x13, 0x46, 5, 3, 0, 2};
	static uint8_t payload[PICTURE_LEN];
	const size_t head = gt06_wire_seal(out, false, login, sizeof(login), 1);
	assert_int_equal(head, LOGIN_LEN);
	// Bytes that look like terminators and frames do not end it.
	for (size_t i = 0; i < len - 10; i++)
		payload[i] = (uint8_t) "\r\nxx\x05\x01$"[i % 7];
	payload[0] = 0x41;
	gt06_wire_seal(out + head, true, payload, len - 10, 2);
	return head + len +
	       gt06_wire_seal(out + head + len, false, heartbeat, sizeof(heartbeat), 3);
}

static void a_picture_of_gt06_may_have_any_length_that_its_field_can_say(void **state)
{
	static const size_t sizes[] = {4095, 4096, 4097, 4098, 65536, 65537, 65540, PICTURE_LEN};
	static uint8_t data[LOGIN_LEN + PICTURE_LEN + 64];
	static size_t cuts[PICTURE_LEN];
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const size_t len = write_picture(data, sizes[i]);
		const struct outcome whole = feed_pieces(data, len, NULL, 0);
		assert_int_equal(whole.reports, 3);
		assert_int_equal(whole.rejects, 0);
		// type and serial of each, the picture's with the long header
		assert_int_equal(whole.replies, 10 + 11 + 10);
		for (size_t step = 509; step < len; step += 8999) {
			size_t count = 0;
			for (size_t at = step; at < len; at += step)
				cuts[count++] = at;
			assert_same(whole, feed_pieces(data, len, cuts, count));
		}
		// Cut once, near its end, where the checksum and the terminator are.
		for (size_t at = LOGIN_LEN + sizes[i] - 8; at <= LOGIN_LEN + sizes[i] + 1; at++)
			assert_same(whole, feed_pieces(data, len, &at, 1));
	}
}

static void foreign_bytes_close_the_conversation(void **state)
{
	static const struct {
		const uint8_t *data;
		size_t len;
	} foreign[] = {
		{BYTES("GET / HTTP/1.1\r\n\r\n")},
		{BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
		{BYTES("SSH-2.0-OpenSSH_9.2\r\n")},
		{BYTES("$GPRMC,101500,A,4807.038,N,01131.000,E,022.4,084.4,221126,003.1,W*6A\r\n")},
		{BYTES("$$123,860000000000017,AAA,35,48.1,11.5,261122101500,A\r\n")},
		{BYTES("##,imei:8600,A;")}, {BYTES("\xfe\xfe\xfe\xfe")},
		{BYTES("\xff\xff\xff\x10")}, // FF alone is the keep-alive of Teltonika
	};

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		const struct outcome outcome =
			feed_pieces(foreign[i].data, foreign[i].len, NULL, 0);
		assert_int_equal(outcome.last, FEED_CLOSE);
		assert_int_equal(outcome.rejects, 1);
		assert_int_equal(outcome.reports, 0);
		assert_string_equal(decoded.detail, "unknown protocol");
	}
}

static void no_verdict_within_the_limit_closes(void **state)
{
	uint8_t data[SNIFF_MOST];
	const size_t most = registry_sniff_max(DECODERS_ALL); // the largest that a decoder declares
	struct feed feed;
	size_t used;

	(void)state;
	memset(data, 'A', sizeof(data));
	memcpy(data, "\x79\x79\x08\xb0", 4); // a GT06 frame of 2,230 bytes may follow
	feed_init(&feed, DECODERS_ALL, NULL, false);
	assert_int_equal(feed_step(&feed, data, most - 1, &decoded, &used), FEED_MORE);
	assert_int_equal(feed_step(&feed, data, most, &decoded, &used), FEED_CLOSE);
	assert_int_equal(used, most);
	assert_int_equal(decoded.reject_count, 1);
}

static void lost_framing_is_sniffed_once_more_then_closes(void **state)
{
	static const char record[] = "$POS,5020001,101500.000,V,,,,,,,221126,,,\r\n";
	char data[256];
	struct outcome outcome;

	(void)state;
	snprintf(data, sizeof(data), "%s\x01\x02\x03\r\n%s", record, record);
	outcome = feed_pieces((const uint8_t *)data, strlen(data), NULL, 0);
	assert_int_equal(outcome.reports, 2);
	assert_int_equal(outcome.rejects, 1);
	assert_int_not_equal(outcome.last, FEED_CLOSE);

	size_t cuts[256]; // for every cut of the garbage
	for (size_t at = 1; at < strlen(data); at++) {
		cuts[at - 1] = at;
		outcome = feed_pieces((const uint8_t *)data, strlen(data), &at, 1);
		assert_int_equal(outcome.reports, 2);
		assert_int_not_equal(outcome.last, FEED_CLOSE);
	}
	outcome = feed_pieces((const uint8_t *)data, strlen(data), cuts, strlen(data) - 1);
	assert_int_equal(outcome.reports, 2);

	snprintf(data, sizeof(data), "%s\x01\x02\r\n%s\x01\x02\r\n%s", record, record, record);
	outcome = feed_pieces((const uint8_t *)data, strlen(data), NULL, 0);
	assert_int_equal(outcome.reports, 2);
	assert_int_equal(outcome.last, FEED_CLOSE);
	assert_string_equal(decoded.detail, "framing lost");
}

// Another protocol may begin where the framing of one is lost.
static void another_protocol_may_continue(void **state)
{
	static const char record[] = "$POS,5020001,101500.000,V,,,,,,,221126,,,\r\n";
	static const uint8_t login[] = {0x78, 0x78, 0x11, 0x01, 0x08, 0x60, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x17, 0x20, 0x01, 0x00, 0x01, 0x00, 0x01, 0x46, 0x29, 0x0D, 0x0A};
	uint8_t data[256];
	const size_t len = sizeof(login) + 2 * strlen(record);

	(void)state;
	for (int gt06_first = 0; gt06_first <= 1; gt06_first++) {
		size_t at = 0;
		if (gt06_first)
			memcpy(data + at, login, sizeof(login));
		at += gt06_first ? sizeof(login) : 0;
		for (int i = 0; i < 2 - !gt06_first; i++, at += strlen(record))
			memcpy(data + at, record, strlen(record));
		if (!gt06_first)
			memcpy(data + at, login, sizeof(login));
		const size_t all = gt06_first ? len : len - strlen(record);
		for (size_t cut = 1; cut < all; cut++) {
			const struct outcome outcome = feed_pieces(data, all, &cut, 1);
			assert_int_equal(outcome.reports, gt06_first ? 3 : 2);
			assert_int_equal(outcome.rejects, 0);
			assert_int_not_equal(outcome.last, FEED_CLOSE);
		}
	}
}

// Wherever the bytes are cut: only one other protocol may begin.
static void a_third_protocol_closes(void **state)
{
	static const char record[] = "$POS,5020001,101500.000,V,,,,,,,221126,,,\r\n";
	static const uint8_t login[] = {0x78, 0x78, 0x11, 0x01, 0x08, 0x60, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x17, 0x20, 0x01, 0x00, 0x01, 0x00, 0x01, 0x46, 0x29, 0x0D, 0x0A};
	uint8_t data[256];
	const size_t len = strlen(record);

	(void)state;
	memcpy(data, record, len);
	memcpy(data + len, login, sizeof(login));
	memcpy(data + len + sizeof(login), record, len);
	for (size_t cut = 0; cut < 2 * len + sizeof(login); cut++) {
		const struct outcome outcome =
			feed_pieces(data, 2 * len + sizeof(login), &cut, cut > 0 ? 1 : 0);
		assert_int_equal(outcome.reports, 2);
		assert_int_equal(outcome.last, FEED_CLOSE);
	}
}

// What is held becomes a reject when another protocol begins, also if the first frame of that comes in two pieces.
static void held_frames_are_rejected_when_another_protocol_begins(void **state)
{
	static const char bytes[] = "$POS,5020001,101500.000,V,,,,,,,221126,,,\r\n"
				    "@\x11\x02\x00\x03"
				    "102" /* a delta whose reference has not been seen */
				    "imei:860000000000017,tracker,2611220915,,F,091530.000,A,"
				    "1220.7360,N,09845.9240,W,33.00,274.50;";
	const size_t len = sizeof(bytes) - 1;

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		struct device_memory *memory = device_memory_new(4);
		assert_non_null(memory);
		const struct outcome outcome = feed_pieces_with(
			memory, (const uint8_t *)bytes, len, &cut, cut > 0 ? 1 : 0);
		device_memory_free(memory);
		assert_int_equal(outcome.reports, 2);
		assert_int_equal(outcome.rejects, 1);
		assert_ptr_equal(outcome.decoder, &decoder_gps103);
	}
}

// Whatever a header says of the length, no byte beyond those received is read (they lie flush against a guard page), each
// step makes progress, and no decoder breaks its contract.
static void any_length_in_a_header_is_cut_within_the_bytes(void **state)
{
	static const struct {
		uint8_t head[5];
		size_t at; /* of the length */
		bool little_endian;
		const struct golden *before;
	} headers[] = {
		{{0x79, 0x79}, 2, false, NULL},
		{{0x79, 0x79}, 2, false, &goldens[8]}, // a log-in
		{{0xBF, 0xFB, 0x55}, 3, true, NULL},
		{{0xBF, 0xFB, 0x55}, 3, true, &goldens[0]},
	};
	(void)state;
	for (size_t h = 0; h < sizeof(headers) / sizeof(headers[0]); h++) {
		uint8_t data[400];
		const struct golden *before = headers[h].before;
		const size_t start = before ? before->len : 0, len = start + 120;
		memset(data, '1', sizeof(data));
		if (before)
			memcpy(data, before->data, start);
		memcpy(data + start, headers[h].head, sizeof(headers[h].head));
		memcpy(data + start + 5, "$\x94\x08\x00", 4);
		memcpy(data + start + 60, "\r\n", 2);
		for (unsigned length = 0; length <= 65535; length++) {
			const bool little = headers[h].little_endian;
			data[start + headers[h].at] = (uint8_t)(little ? length : length >> 8);
			data[start + headers[h].at + 1] = (uint8_t)(little ? length >> 8 : length);
			const struct outcome whole = feed_pieces(data, len, NULL, 0);
			if (before)
				assert_true(whole.reports >= before->reports);
		}
	}
}

static void endless_garbage_closes(void **state)
{
	static uint8_t data[2048];
	static const char record[] = "$POS,5020001,101500.000,V,,,,,,,221126,,,\r\n";
	size_t cuts[sizeof(data)];

	(void)state;
	memset(data, 'q', sizeof(data));
	memcpy(data, record, strlen(record));
	for (size_t at = 1; at < sizeof(data); at++)
		cuts[at - 1] = at;
	const struct outcome outcome = feed_pieces(data, sizeof(data), cuts, sizeof(data) - 1);
	assert_int_equal(outcome.last, FEED_CLOSE);
	assert_int_equal(outcome.rejects, SNIFF_CAP + 1);
	assert_string_equal(decoded.detail, "framing lost");
}

static void a_datagram_ends_its_frame(void **state)
{
	static const uint8_t record[] = "$POS,5020001,101500.000,V,,,,,,,221126,,,";
	const size_t len = sizeof(record) - 1;
	struct feed feed;
	size_t used;

	(void)state;
	feed_init(&feed, DECODERS_ALL, NULL, true);
	for (int n = 0; n < 3; n++) {
		feed_datagram(&feed, 1795342500000000);
		assert_int_equal(feed_step(&feed, record, len, &decoded, &used), FEED_TAKEN);
		assert_int_equal(used, len);
		assert_int_equal(decoded.report_count, 1);
	}
	feed_datagram(&feed, 1795342500000000);
	assert_int_equal(
		feed_step(&feed, (const uint8_t *)"\xbf\xfb\x00\x40\x00$PO", 8, &decoded, &used),
		FEED_TAKEN);
	assert_int_equal(used, 8);
	assert_int_equal(decoded.reject_count, 1);
}

static void random_bytes_never_stop_the_feed(void **state)
{
	uint8_t data[300];

	(void)state;
	srand(7);
	for (int round = 0; round < 20000; round++) {
		const size_t len = 1 + (size_t)rand() % sizeof(data);
		for (size_t i = 0; i < len; i++)
			data[i] =
				(uint8_t)(rand() % 4
						  ? "$,/@#\r\n0123456789AVNE.POSxx\xbf\xfb"[rand() %
											    30]
						  : rand());
		if (rand() % 2) { // begins like a conversation, then is damaged
			const struct golden *golden = &goldens[(size_t)rand() % GOLDENS];
			memcpy(data, golden->data, golden->len < len ? golden->len : len);
			data[(size_t)rand() % len] = (uint8_t)rand();
		}
		feed_pieces(data, len, NULL, 0);
		const size_t cut = (size_t)rand() % len;
		feed_pieces(data, len, &cut, cut ? 1 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_its_own_decoder_recognises_a_frame),
		cmocka_unit_test(the_result_does_not_depend_on_the_cuts),
		cmocka_unit_test(many_frames_in_one_read_after_blanks),
		cmocka_unit_test(declared_limits_are_within_bounds),
		cmocka_unit_test(a_picture_of_gt06_may_have_any_length_that_its_field_can_say),
		cmocka_unit_test(foreign_bytes_close_the_conversation),
		cmocka_unit_test(no_verdict_within_the_limit_closes),
		cmocka_unit_test(lost_framing_is_sniffed_once_more_then_closes),
		cmocka_unit_test(another_protocol_may_continue),
		cmocka_unit_test(a_third_protocol_closes),
		cmocka_unit_test(held_frames_are_rejected_when_another_protocol_begins),
		cmocka_unit_test(any_length_in_a_header_is_cut_within_the_bytes),
		cmocka_unit_test(endless_garbage_closes),
		cmocka_unit_test(a_datagram_ends_its_frame),
		cmocka_unit_test(random_bytes_never_stop_the_feed),
	};
	page = guarded_new(2 * FRAME_MOST);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
