// SPDX-License-Identifier: MIT
// GT06 messages with a position of single models, and how to recognise those that share their type with other
// messages.
#ifndef AVLD_DECODERS_GT06_MODEL_H
#define AVLD_DECODERS_GT06_MODEL_H

#include "decoders/gt06/gt06_frame.h"

gt06_test gt06_model_is_nt;      /* 22 and 25 */
gt06_test gt06_model_is_lw;      /* A2 */
gt06_test gt06_model_is_trx_36;  /* 36 */
gt06_test gt06_model_is_x1;      /* 34 */
gt06_test gt06_model_is_ibutton; /* 61 */
gt06_test gt06_model_is_az735;   /* 79 79 32 and 33 */

gt06_reader gt06_model_read_nt;
gt06_reader gt06_model_read_lw;
gt06_reader gt06_model_read_trx_17;
gt06_reader gt06_model_read_trx_36;
gt06_reader gt06_model_read_x1;
gt06_reader gt06_model_read_ibutton;
gt06_reader gt06_model_read_az735;
gt06_reader gt06_model_read_gl21l; /* 22, L = 2F */
gt06_reader gt06_model_read_sr411; /* 24, L = 2E */
gt06_reader gt06_model_read_ji09;  /* 1E */
gt06_reader gt06_model_read_sl4x;  /* 31, L = 2A */

#endif
