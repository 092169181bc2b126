// SPDX-License-Identifier: MIT
#include "util/secret.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

#define PREFIX   "sha256$"
#define SALT_MAX 64

// Parses 64 hex digits.
static bool read_hash(struct text hex, uint8_t hash[SHA256_DIGEST_LENGTH])
{
	if (hex.len != 2 * SHA256_DIGEST_LENGTH)
		return false;
	for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
		const int high = text_hex_digit(hex.data[2 * i]);
		const int low = text_hex_digit(hex.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		hash[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool secret_matches(struct text secret, struct text password)
{
	const size_t prefix_len = strlen(PREFIX);
	uint8_t salted[SALT_MAX + SECRET_PASSWORD_MAX];
	uint8_t wanted[SHA256_DIGEST_LENGTH], got[SHA256_DIGEST_LENGTH];

	if (secret.len < prefix_len || memcmp(secret.data, PREFIX, prefix_len) != 0)
		return false;
	const char *salt = secret.data + prefix_len;
	const char *end = memchr(salt, '$', secret.len - prefix_len);
	const size_t salt_len = end ? (size_t)(end - salt) : 0;
	if (salt_len < 1 || salt_len > SALT_MAX || password.len > SECRET_PASSWORD_MAX)
		return false;
	const struct text hex = {end + 1, secret.len - prefix_len - salt_len - 1};
	if (!read_hash(hex, wanted))
		return false;
	memcpy(salted, salt, salt_len);
	if (password.len > 0)
		memcpy(salted + salt_len, password.data, password.len);
	SHA256(salted, salt_len + password.len, got);
	OPENSSL_cleanse(salted, sizeof(salted));
	return CRYPTO_memcmp(wanted, got, sizeof(got)) == 0;
}
