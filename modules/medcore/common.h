/**
 * common.h - strings, errors and memory, shared by all of medcore
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_COMMON_H
#define MEDCORE_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A view of bytes: not owned, not terminated. */
typedef struct med_str {
	const char *s;
	size_t len;
} med_str_t;

#define MED_STR(literal) ((med_str_t){(literal), sizeof(literal) - 1})
/** For printf's "%.*s". */
#define MED_STR_FMT(str) (int)(str).len, (str).s

/** View of a terminated string; NULL gives the empty view. */
med_str_t med_str(const char *cstr);
bool med_str_eq(med_str_t a, med_str_t b);
/** As strcmp(); the shorter of two that begin alike comes first. */
int med_str_compare(med_str_t a, med_str_t b);
/** As med_str_eq, ASCII letters compared without case. */
bool med_str_eq_nocase(med_str_t a, med_str_t b);
/**
 * Which of @p words (closed by NULL) this is, compared without case and underscores, so
 * that "NotSupported" is "not_supported"; -1: none.
 */
int med_word_find(const char *const *words, med_str_t text);
/** Without the spaces around it. */
med_str_t med_str_trim(med_str_t text);

/**
 * Results: MED_EOK, a negated errno for a cause of the system, or one of these.
 * Functions fill their out-parameters on MED_EOK only.
 */
enum med_error {
	MED_EOK = 0,
	MED_EINVAL = -1000, /**< input is not of the form asked for; text says which */
	MED_ENOMEM,         /**< allocation failed; nothing was changed */
	MED_ENOMATCH,       /**< nothing matches; a normal outcome */
	MED_ELIMIT,         /**< a bound of ours was hit (length, count, match limit) */
	MED_ENOROUTE,       /**< usages exist, but no route of theirs takes the number */
	MED_ENOUSAGE,       /**< the caller has no usage at all (spec 3.2: 12001) */
	MED_EALLDOWN,       /**< routes exist, no trunk of theirs can take the call */
	MED_EFORBIDDEN,     /**< trunks exist, and none may take this call; text says how */
	MED_EREFUSED,       /**< policy forbids it; text names the rule and the remedy */
};

/** One short English text per code; never NULL. */
const char *med_strerror(int code);

/**
 * Text for a person who must mend something: names the object, the field, what was
 * wrong and what would be right. Always terminated.
 */
typedef struct med_errbuf {
	char text[256];
} med_errbuf_t;

/** printf into @p err (NULL allowed), truncating; returns @p code for `return
 * med_fail(...)`. */
int med_fail(med_errbuf_t *err, int code, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));

/**
 * A value as it may be shown to people: printable ASCII, everything else as \xNN, cut
 * with dots where @p out is too small. Texts never carry a peer's or an admin's raw
 * bytes.
 *
 * @return @p out, terminated
 */
const char *med_quote(char *out, size_t size, med_str_t text);

/**
 * Where memory comes from: heap in tools and tests, shared memory in Kamailio.
 * Tests count, bound and fail allocations through it.
 */
typedef struct med_mem {
	void *(*alloc)(void *ctx, size_t size); /**< uninitialised; NULL on failure */
	void (*free)(void *ctx, void *block);   /**< NULL allowed */
	void *ctx;
} med_mem_t;

/** malloc and free. */
extern const med_mem_t med_mem_heap;

void *med_alloc(const med_mem_t *mem, size_t size);
/** Zeroed; NULL also when count * size overflows. */
void *med_calloc(const med_mem_t *mem, size_t count, size_t size);
void med_free(const med_mem_t *mem, void *block);

/** For hash tables over configuration and for checksums; not against hostile keys. */
uint64_t med_hash(const void *data, size_t len);
/** SipHash-2-4, for keys that a peer can choose and for the Record-Route tag. */
uint64_t med_siphash(const uint8_t key[16], const void *data, size_t len);

#endif
