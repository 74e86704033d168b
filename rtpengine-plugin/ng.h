/**
 * ng.h - rtpengine's ng protocol: cookie, space, bencode dictionary; read and written
 *
 * Reading allocates nothing: a decoded dictionary is a bounded table of views into the
 * datagram. Nested values are checked for form and kept as they lie there, so what is not
 * ours to change is copied byte for byte.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_NG_H
#define MED_NG_H

#include "medcore/common.h"

#define MED_NG_MAX_DATAGRAM 65507
#define MED_NG_MAX_COOKIE 128
#define MED_NG_MAX_KEYS 96
#define MED_NG_MAX_DEPTH 8
#define MED_NG_MAX_ITEMS 4096

typedef struct med_ng_entry {
	med_str_t key;
	med_str_t pair; /**< key and value as encoded */
	med_str_t raw;  /**< the value as encoded */
	med_str_t text; /**< the value of a string; s is NULL for other types */
} med_ng_entry_t;

typedef struct med_ng_dict {
	size_t count;
	med_ng_entry_t entry[MED_NG_MAX_KEYS];
} med_ng_dict_t;

/** @return MED_EOK; MED_EINVAL where there is no cookie, no space or nothing behind it */
int med_ng_split(med_str_t datagram, med_str_t *cookie, med_str_t *body);

/**
 * Decode one dictionary that fills @p body.
 * @return MED_EOK; MED_EINVAL or MED_ELIMIT with a text
 */
int med_ng_decode(med_str_t body, med_ng_dict_t *dict, med_errbuf_t *err);

/** First entry of that key; NULL where there is none. */
const med_ng_entry_t *med_ng_entry(const med_ng_dict_t *dict, med_str_t key);
/** Text of that key; s is NULL where there is none or it is no string. */
med_str_t med_ng_text(const med_ng_dict_t *dict, med_str_t key);
/** How often a key stands in the dictionary. */
size_t med_ng_count(const med_ng_dict_t *dict, med_str_t key);

enum med_ng_command {
	MED_NG_OTHER = 0,
	MED_NG_PING,
	MED_NG_OFFER,
	MED_NG_ANSWER,
	MED_NG_DELETE,
};

/** What the listener looks at in a command; absent texts have s NULL. */
typedef struct med_ng_command_view {
	med_ng_dict_t dict;
	enum med_ng_command command;
	med_str_t name;
	med_str_t call_id;
	med_str_t from_tag;
	med_str_t to_tag;
	med_str_t via_branch;
	med_str_t sdp;
	bool keyed; /**< med-from or med-to is there */
	bool hello; /**< med-hello is there */
} med_ng_command_view_t;

int med_ng_command_decode(med_str_t body, med_ng_command_view_t *view, med_errbuf_t *err);

/** A bounded output buffer; @ref overflow is sticky and checked once at the end. */
typedef struct med_ng_out {
	char *s;
	size_t len;
	size_t size;
	bool overflow;
} med_ng_out_t;

void med_ng_put(med_ng_out_t *out, const void *data, size_t len);
void med_ng_put_raw(med_ng_out_t *out, med_str_t raw);
/** A string, encoded. */
void med_ng_put_text(med_ng_out_t *out, med_str_t text);
void med_ng_put_pair(med_ng_out_t *out, med_str_t key, med_str_t text);
void med_ng_put_int_pair(med_ng_out_t *out, med_str_t key, long long number);

#endif
