/**
 * med_tell.h - what was decided for a call with a flag, as one line of the log
 *
 * The real decision, not a dry one: steps are noted while it is made, in whichever
 * process, and told once, when the caller gets its answer. A call without the flag pays
 * for a test of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_TELL_H
#define MED_TELL_H

#include "med_call.h"
#include "medcore/rules.h"

/** The flag that `explain_flag` names; 0: no call has it. */
extern flag_t med_tell_flag;

/** In mod_init. */
int med_tell_init(void);

static inline bool med_telling(const sip_msg_t *msg)
{
	return __builtin_expect((msg->flags & med_tell_flag) != 0, 0);
}

/** For flagged calls alone: notes steps; NULL: memory is short (logged). */
const med_trace_t *med_tell_trace(void);
/** For medcore's functions that tell their steps. */
static inline const med_trace_t *med_tell(const sip_msg_t *msg)
{
	return med_telling(msg) ? med_tell_trace() : NULL;
}

/** A step in words. */
#define MED_TELL(msg, ...)                                                               \
	do {                                                                                 \
		const med_trace_t *med_told = med_tell(msg);                                     \
		if(__builtin_expect(med_told != NULL, 0))                                        \
			med_trace_step(med_told, __VA_ARGS__);                                       \
	} while(0)

/** For flagged calls alone: in branch_route, so that the line comes with the answer. */
void med_tell_with_answer(sip_msg_t *msg);
/** For flagged calls alone: a no with a reason. It is the last word unless the call has
 * been sent to some trunk, or may be. */
void med_tell_no(sip_msg_t *msg);

#endif
