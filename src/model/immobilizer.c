// SPDX-License-Identifier: MIT
#include "model/immobilizer.h"

#include <regex.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// Writes the text without blanks, in lower case, to plain (COMMAND_TEXT_MAX). Returns its length.
static size_t plain_text(const struct command *command, char *plain)
{
	size_t len = 0;

	for (size_t i = 0; i < command->text_len; i++)
		if (command->text[i] != ' ')
			plain[len++] = lower(command->text[i]);
	return len;
}

static bool sets_first_output(const struct command *command, int32_t value)
{
	return command->kind == COMMAND_OUTPUT_CONTROL && command->args[COMMAND_INDEX] == 1 &&
	       command->args[COMMAND_VALUE] == value;
}

// Texts of custom commands that set the engine's relay, in lower case and without blanks, as extended regular expressions. The
// SQL function avld.stops_engine has the first one, too.
#define STOP_TEXTS                                                                                 \
	"opc1,1"                   /* PT-502 */                                                    \
	"|relay,1|dyd"             /* GT06 */                                                      \
	"|s20,[0-9]*,0*[1-9]"      /* H02: for so many seconds */                                  \
	"|cmd,stop"                /* H02 */                                                       \
	"|av0[01]0"                /* TK103 */                                                     \
	"|^(j|109)([,;]|$)"        /* GPS103 */                                                    \
	"|setdigout1"              /* Teltonika */                                                 \
	"|enable1|04;01"           /* Suntech */                                                   \
	"|^#0;1"                   /* JT/T 808 */                                                  \
	"|^at[+]gtout=[^,]*,[^0,]" /* Queclink */                                                  \
	"|^c01,[^,]*,1"            /* Meitrack */
#define RESUME_TEXTS                                                                               \
	"opc1,0|relay,0|hfyd|s20,[0-9]*,0+([^0-9]|$)|cmd,resume|^r[17]([,;]|$)|av0[01]1"           \
	"|^(k|110)([,;]|$)|setdigout0|disable1|04;02|^#0;0|^at[+]gtout=[^,]*,0|^c01,[^,]*,0"

static bool sets_relay(const struct command *command, bool stops)
{
	static regex_t compiled[2];
	static bool is_compiled[2];
	char plain[COMMAND_TEXT_MAX + 1];

	if (command->kind != COMMAND_CUSTOM)
		return false;
	if (!is_compiled[stops] && regcomp(&compiled[stops], stops ? STOP_TEXTS : RESUME_TEXTS,
					   REG_EXTENDED | REG_NOSUB) != 0)
		return stops; // no memory: a command that might stop the engine has to wait
	is_compiled[stops] = true;
	plain[plain_text(command, plain)] = 0;
	return regexec(&compiled[stops], plain, 0, NULL, 0) == 0;
}

bool immobilizer_stops(const struct command *command)
{
	return command->kind == COMMAND_ENGINE_STOP || sets_first_output(command, 1) ||
	       sets_relay(command, true);
}

bool immobilizer_resumes(const struct command *command)
{
	return command->kind == COMMAND_ENGINE_RESUME || sets_first_output(command, 0) ||
	       sets_relay(command, false);
}
