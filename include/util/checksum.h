// SPDX-License-Identifier: MIT
// Checksums of tracker protocols.
#ifndef AVLD_UTIL_CHECKSUM_H
#define AVLD_UTIL_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Returns the XOR of all bytes.
uint8_t checksum_xor(const uint8_t *data, size_t len);
// Returns the sum of all bytes, modulo 256. [Meitrack]
uint8_t checksum_sum(const uint8_t *data, size_t len);
// CRC-16/X-25: poly 1021 reflected, init FFFF, xorout FFFF. "123456789" -> 906E. [GT06]
uint16_t checksum_crc16_x25(const uint8_t *data, size_t len);
// CRC-16/ARC: poly 8005 reflected, init 0, no xorout. "123456789" -> BB3D. [Teltonika, Wialon]
uint16_t checksum_crc16_arc(const uint8_t *data, size_t len);
// Returns the same of bytes whose first ones have that sum; of no bytes it is 0.
uint16_t checksum_crc16_arc_more(uint16_t before, const uint8_t *data, size_t len);
// CRC-16/CCITT-FALSE: poly 1021, init FFFF, no xorout. "123456789" -> 29B1. [Queclink]
uint16_t checksum_crc16_ccitt(const uint8_t *data, size_t len);

#endif
