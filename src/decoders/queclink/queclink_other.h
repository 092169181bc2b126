// SPDX-License-Identifier: MIT
// The other text messages of a Queclink. Drawn in queclink_other.c.
#ifndef AVLD_DECODERS_QUECLINK_OTHER_H
#define AVLD_DECODERS_QUECLINK_OTHER_H

#include "decoders/queclink/queclink_message.h"

void queclink_other_decode_information(struct queclink_message *m);
void queclink_other_decode_state(struct queclink_message *m);
void queclink_other_decode_battery(struct queclink_message *m);
void queclink_other_decode_ignition_on(struct queclink_message *m);
void queclink_other_decode_ignition_off(struct queclink_message *m);
void queclink_other_decode_light_switch(struct queclink_message *m);
void queclink_other_decode_tamper_switch(struct queclink_message *m);
void queclink_other_decode_driver(struct queclink_message *m);
void queclink_other_decode_fatigue(struct queclink_message *m);
void queclink_other_decode_accessory(struct queclink_message *m);
void queclink_other_decode_beacons(struct queclink_message *m);
void queclink_other_decode_data(struct queclink_message *m);
void queclink_other_decode_hex_data(struct queclink_message *m);
void queclink_other_decode_version(struct queclink_message *m);
void queclink_other_decode_cells(struct queclink_message *m);
void queclink_other_decode_neighbours(struct queclink_message *m);
void queclink_other_decode_points(struct queclink_message *m);

#endif
