/**
 * fuzz_response.c - values of Reason and Retry-After headers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = malloc(size + 1); /* its own block, so that one byte beyond is seen */
	int cause;
	int64_t seconds;

	if(value == NULL)
		return 0;
	if(size > 0)
		memcpy(value, data, size);
	value = realloc(value, size > 0 ? size : 1);
	cause = med_reason_cause((med_str_t){value, size});
	seconds = med_retry_after((med_str_t){value, size});
	if(cause < MED_CAUSE_NONE || cause > 127 || seconds < -1 || seconds > UINT32_MAX)
		abort();
	free(value);
	return 0;
}
