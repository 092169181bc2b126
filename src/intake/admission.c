// SPDX-License-Identifier: MIT
#include "intake/admission.h"

#include "protocol/decoded.h"
#include "util/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

const char *const admission_refusals[REFUSALS] = {
	[REFUSAL_BLOCKED] = "device is blocked",
	[REFUSAL_NETWORK] = "not from the device's networks",
	[REFUSAL_OTHER_PROTOCOL] = "not the protocol set for the device",
	[REFUSAL_SECRET] = "wrong secret",
	[REFUSAL_UNKNOWN] = "unknown device",
	[REFUSAL_TOO_MANY] = "too many devices",
	[REFUSAL_NEW] = "too many new devices",
};

bool admission_is_refusal(struct text reason)
{
	for (size_t i = 0; i < REFUSALS; i++)
		if (i != REFUSAL_NEW && text_equal(reason, admission_refusals[i]))
			return true;
	return false;
}

struct credential {
	const struct device
		*device; /* whose secret it fits, in the version below; NULL: none yet */
	uint32_t version;
	uint8_t len;
	char password[];
};

void admission_drop_password(struct credential **credential)
{
	if (*credential)
		OPENSSL_cleanse((*credential)->password, (*credential)->len);
	free(*credential);
	*credential = NULL;
}

void admission_keep_password(struct credential **credential, struct text password)
{
	struct credential *given = *credential;

	if (given && given->len == password.len &&
		CRYPTO_memcmp(given->password, password.data, password.len) == 0)
		return; // some protocols send it with every frame
	admission_drop_password(credential);
	if (password.len == 0 || password.len > DECODED_PASSWORD)
		return; // fits no secret
	given = calloc(1, sizeof(*given) + password.len);
	if (!given)
		return; // a device with a secret is not admitted
	given->len = (uint8_t)password.len;
	memcpy(given->password, password.data, password.len);
	*credential = given;
}

bool admission_has_password(struct credential *credential, const struct device *device)
{
	if (!credential)
		return false;
	if (credential->device == device && credential->version == device->secret_version)
		return true;
	if (!secret_matches((struct text){device->secret, strlen(device->secret)},
		    (struct text){credential->password, credential->len}))
		return false;
	credential->device = device;
	credential->version = device->secret_version;
	return true;
}
