// SPDX-License-Identifier: MIT
// Salted hashes of passwords.
#ifndef AVLD_UTIL_SECRET_H
#define AVLD_UTIL_SECRET_H

#include "util/text.h"

#define SECRET_PASSWORD_MAX 128 /* bytes of a password */
#define SECRET_MAX          160 /* bytes of a secret are fewer */

// Returns true if the password, of at most SECRET_PASSWORD_MAX bytes, is that of the secret: sha256$SALT$HEX, where SALT is 1
// to 64 characters without '$', and HEX the SHA-256 of SALT and password in lower-case digits. False for a secret of another
// form. The time does not depend on how many bytes fit.
bool secret_matches(struct text secret, struct text password);

#endif
