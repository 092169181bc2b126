// SPDX-License-Identifier: MIT
// Decides for which devices a conversation may report, and makes rejects of what it sends for others. The settings of a
// device decide (intake/admission.h), and for unknown ones the limits of new idents (intake/trial.h).
#ifndef AVLD_INTAKE_CONVERSATION_ADMISSION_H
#define AVLD_INTAKE_CONVERSATION_ADMISSION_H

#include "intake/admission.h"
#include "intake/conversation_data.h"

// Returns why the settings forbid this conversation to report for the device, or NULL.
static inline const char *conversation_admission_objection(
	const struct conversation *c, const struct device *device)
{
	return admission_objection(device, c->feed.session.decoder, &c->peer, c->credential);
}

// Returns true if the session names another device than the one admitted last, or if the owner has
// changed what that one may do.
static inline bool conversation_admission_is_due(const struct conversation *c)
{
	return c->feed.session.ident_len > 0 &&
	       (!c->device || !conversation_names(c, c->device) ||
		       conversation_admission_objection(c, c->device) != NULL);
}

// Finds or creates the device that the session names. Returns NULL, or why it is not admitted (trial_pending: not yet).
const char *conversation_admission_ask(
	struct intake *intake, const struct conversation *c, struct device **found);

// Rejects the reports of other devices that are not admitted: of a frame with records of several, or of held frames. Their
// photo ends. Unknown devices are added as far as there is room for them.
void conversation_admission_reject_others(
	struct intake *intake, struct conversation *c, struct decoded *decoded);
// Adds a reject to a refused frame without reports that would leave no trace otherwise.
void conversation_admission_reject_frame(
	struct conversation *c, struct decoded *decoded, const char *refusal);
// Rejects what the feed holds and the journal does not: a device that is not admitted has sent it. So what is held in the
// journal under an ident was admitted.
void conversation_admission_reject_unsaved(
	struct intake *intake, struct conversation *c, const char *refusal);

#endif
