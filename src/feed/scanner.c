// SPDX-License-Identifier: MIT
// One table. A pattern is bytes at an offset, and for short ones further bytes at a second offset, so that it is certain.
#include "feed/scanner.h"

#include <string.h>

enum kind {
	TLS,
	SSH,
	HTTP,
	RTSP,
	SIP,
	RDP,
	SMB,
	MASSCAN,
	DNS,
	POSTGRES,
	REDIS,
	MONGODB,
	MQTT,
	JAVA,
	LDAP,
	ADB,
	STUN,
	BITTORRENT,
	SMTP,
	X11,
	KINDS
};

#define REASON(kind) SCANNER_PREFIX kind

static const char *const reasons[KINDS] = {
	[TLS] = REASON("tls"),
	[SSH] = REASON("ssh"),
	[HTTP] = REASON("http"),
	[RTSP] = REASON("rtsp"),
	[SIP] = REASON("sip"),
	[RDP] = REASON("rdp"),
	[SMB] = REASON("smb"),
	[MASSCAN] = REASON("masscan"),
	[DNS] = REASON("dns"),
	[POSTGRES] = REASON("postgres"),
	[REDIS] = REASON("redis"),
	[MONGODB] = REASON("mongodb"),
	[MQTT] = REASON("mqtt"),
	[JAVA] = REASON("java"),
	[LDAP] = REASON("ldap"),
	[ADB] = REASON("adb"),
	[STUN] = REASON("stun"),
	[BITTORRENT] = REASON("bittorrent"),
	[SMTP] = REASON("smtp"),
	[X11] = REASON("x11"),
};

_Static_assert(KINDS <= SCANNER_KINDS_MAX, "raise SCANNER_KINDS_MAX");

struct bytes {
	uint8_t at, len;
	const char *text;
};

#define AT(offset, literal)                                                                        \
	{                                                                                          \
		offset, sizeof(literal) - 1, literal                                               \
	}
#define HEAD(literal) AT(0, literal)

struct pattern {
	enum kind kind;
	struct bytes first, second; /* second: of length 0 if there is none */
};

static const struct pattern patterns[] = {
	{TLS, HEAD("\x16\x03"), AT(5, "\x01")},      /* record of a ClientHello */
	{TLS, HEAD("\x16\xfe\xff"), AT(13, "\x01")}, /* DTLS 1.0 */
	{TLS, HEAD("\x16\xfe\xfd"), AT(13, "\x01")}, /* DTLS 1.2 */
	{SSH, HEAD("SSH-"), {0}},
	{SIP, HEAD("OPTIONS sip"), {0}},
	{SIP, HEAD("REGISTER sip"), {0}},
	{SIP, HEAD("INVITE sip"), {0}},
	{SIP, HEAD("SIP/2.0 "), {0}},
	{RTSP, HEAD("OPTIONS rtsp"), {0}},
	{RTSP, HEAD("DESCRIBE rtsp"), {0}},
	{RTSP, HEAD("OPTIONS / RTSP"), {0}},
	{HTTP, HEAD("GET "), {0}},
	{HTTP, HEAD("POST "), {0}},
	{HTTP, HEAD("HEAD "), {0}},
	{HTTP, HEAD("PUT "), {0}},
	{HTTP, HEAD("DELETE "), {0}},
	{HTTP, HEAD("OPTIONS "), {0}},
	{HTTP, HEAD("CONNECT "), {0}},
	{HTTP, HEAD("TRACE "), {0}},
	{HTTP, HEAD("PATCH "), {0}},
	{HTTP, HEAD("PROPFIND "), {0}},
	{HTTP, HEAD("PRI * HTTP/2"), {0}},
	{RDP, HEAD("\x03\x00"), AT(5, "\xe0\x00\x00")}, /* TPKT, X.224 connection request */
	{SMB, AT(4, "\xffSMB"), {0}},
	{SMB, AT(4, "\xfeSMB"), {0}},
	{MASSCAN, HEAD("MGLNDD"), {0}},
	{DNS,
		AT(12, "\x07version\x04"
		       "bind"),
		{0}},
	{DNS,
		AT(14, "\x07version\x04"
		       "bind"),
		{0}},
	{POSTGRES, HEAD("\x00\x00\x00\x08\x04\xd2\x16\x2f"), {0}}, /* SSLRequest */
	{REDIS, HEAD("*1\r\n$"), {0}},
	{REDIS, HEAD("*2\r\n$"), {0}},
	{MONGODB, AT(20, "admin.$cmd"), {0}},
	{MQTT, HEAD("\x10"), AT(2, "\x00\x04MQTT")},
	{MQTT, HEAD("\x10"), AT(2, "\x00\x06MQIsdp")},
	{JAVA, HEAD("JRMI\x00\x02"), {0}},
	{JAVA, HEAD("GIOP\x01"), {0}},
	{JAVA, HEAD("t3 12."), {0}},
	{LDAP, HEAD("\x30\x0c\x02\x01\x01\x60\x07"), {0}}, /* bind request */
	{ADB, HEAD("CNXN\x00\x00\x00\x01"), {0}},
	{STUN, AT(4, "\x21\x12\xa4\x42"), {0}},
	{BITTORRENT,
		HEAD("\x13"
		     "BitTorrent protocol"),
		{0}},
	{SMTP, HEAD("EHLO "), {0}},
	{SMTP, HEAD("HELO "), {0}},
	{X11, HEAD("l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"), {0}},
};

static int has(const uint8_t *data, size_t len, struct bytes bytes)
{
	return len >= (size_t)bytes.at + bytes.len &&
	       memcmp(data + bytes.at, bytes.text ? bytes.text : "", bytes.len) == 0;
}

const char *scanner_find(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (has(data, len, patterns[i].first) && has(data, len, patterns[i].second))
			return reasons[patterns[i].kind];
	return NULL;
}

int scanner_index(const char *reason)
{
	for (int i = 0; i < KINDS; i++)
		if (reason == reasons[i])
			return i;
	return -1;
}

const char *scanner_kind(size_t index)
{
	return index < KINDS ? reasons[index] + strlen(SCANNER_PREFIX) : NULL;
}
