// SPDX-License-Identifier: MIT
// All decoders. feed/registry_decoders.c sets their order.
#ifndef AVLD_DECODERS_DECODERS_H
#define AVLD_DECODERS_DECODERS_H

#include "protocol/decoder.h"

extern const struct decoder decoder_pt502;
extern const struct decoder decoder_gt06;
extern const struct decoder decoder_h02;
extern const struct decoder decoder_gps103;
extern const struct decoder decoder_tk103;
extern const struct decoder decoder_jt808;
extern const struct decoder decoder_teltonika;
extern const struct decoder decoder_watch;
extern const struct decoder decoder_osmand;
extern const struct decoder decoder_suntech;
extern const struct decoder decoder_wialon_ips;
extern const struct decoder decoder_queclink;
extern const struct decoder decoder_meitrack;

#endif
