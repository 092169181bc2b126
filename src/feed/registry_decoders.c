// SPDX-License-Identifier: MIT
#include "feed/registry_decoders.h"

#include "decoders/decoders.h"

const struct decoder *const registry_decoders[] = {
	&decoder_gt06,
	&decoder_pt502,
	&decoder_h02,
	&decoder_gps103,
	&decoder_tk103,
	&decoder_jt808,
	&decoder_teltonika,
	&decoder_watch,
	&decoder_osmand,
	&decoder_suntech,
	&decoder_wialon_ips,
	&decoder_queclink,
	&decoder_meitrack,
	NULL,
};
