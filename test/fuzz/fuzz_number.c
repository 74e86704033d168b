/**
 * fuzz_number.c - user parts of URIs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_str_t user = {(const char *)data, size};
	med_number_t number, again;
	med_errbuf_t err = {""};

	if(med_number_from_user(user, &number, &err) != MED_EOK) {
		for(const char *c = err.text; *c != '\0'; c++) {
			if(*c < 0x20 || *c > 0x7e)
				abort(); /* a raw byte in a text for people */
		}
		return 0;
	}
	/* What came out is a number that stays as it is. */
	if(number.len == 0 || number.len > MED_NUMBER_MAX)
		abort();
	if(med_number_from_user((med_str_t){number.s, number.len}, &again, NULL) != MED_EOK
			|| again.len != number.len || memcmp(again.s, number.s, number.len) != 0)
		abort();
	return 0;
}
