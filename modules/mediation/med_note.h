/**
 * med_note.h - what one process is to know of a message or a call that another one saw
 *
 * Tables in shared memory, one for each kind of note, of which nothing has to be given
 * back: a new note takes the place of one that is older than some ten thousand others.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_NOTE_H
#define MED_NOTE_H

#include "med_compat.h"

enum med_note {
	MED_NOTE_REQUEST_PAST, /**< Call-ID and CSeq: its SDP may go past us */
	MED_NOTE_REPLY_PAST,
	MED_NOTE_OFFERED, /**< Call-ID and the callee's tag: what the caller was offered */
	MED_NOTE_COUNT
};

/** Bits of a note's value. */
#define MED_NOTE_BITS 20

/** In mod_init. */
int med_note_init(void);
void med_note_destroy(void);

/** Also instead of an earlier one of the same. */
void med_note(enum med_note note, med_str_t callid, med_str_t what, uint32_t value);
/** @param value  NULL: it is not asked for */
bool med_noted(enum med_note note, med_str_t callid, med_str_t what, uint32_t *value);

/** Without the spaces and line ends behind it. */
med_str_t med_trimmed(str text);

#endif
