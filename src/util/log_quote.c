// SPDX-License-Identifier: MIT
#include "util/log_quote.h"

#include "util/hex.h"

#include <string.h>

// Escapes bytes beyond ASCII as well: they come from trackers and need not be UTF-8.
const char *log_quote(const char *data, size_t len, char *out, size_t cap)
{
	size_t used = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)data[i];
		char form[4] = {'\\', (char)byte};
		size_t form_len = 2;
		if (byte < ' ' || byte >= 0x7f) {
			form[1] = 'x';
			form[2] = hex_digits[byte >> 4];
			form[3] = hex_digits[byte & 15];
			form_len = 4;
		} else if (byte != '"' && byte != '\\') {
			form[0] = (char)byte;
			form_len = 1;
		}
		if (cap - used <= form_len)
			break;
		memcpy(out + used, form, form_len);
		used += form_len;
	}
	if (cap)
		out[used] = '\0';
	return out;
}
