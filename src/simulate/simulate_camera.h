// SPDX-License-Identifier: MIT
// The camera of a simulated PT-502: announces a photo now and then and sends it in parts on request.
#ifndef AVLD_SIMULATE_SIMULATE_CAMERA_H
#define AVLD_SIMULATE_SIMULATE_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct simulate_camera {
	uint32_t number; /* the tracker's: makes its photos differ from others' */
	bool on;
	bool open;          /* the newest photo has not been fetched completely */
	uint32_t reports;   /* so far */
	uint32_t announced; /* number of the report that announced the newest photo */
	uint32_t count;     /* photos taken */
	uint32_t given;     /* photos fetched completely */
	uint32_t size;      /* bytes of the newest photo */
	uint32_t answers;   /* parts requested */
};

// Call once per report. Returns true if that report announces a new photo of camera->size bytes.
bool simulate_camera_take_photo(struct simulate_camera *camera);

// Answers "#PHD<offset>,<count>" CR LF. Fills reply (SIMULATE_REPLY_MAX bytes) with that part and returns its length;
// 0: no answer, which also happens now and then to a good request.
size_t simulate_camera_part(
	struct simulate_camera *camera, const uint8_t *line, size_t len, uint8_t *reply);

#endif
