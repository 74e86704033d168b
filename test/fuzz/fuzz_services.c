/**
 * fuzz_services.c - replies of DNS servers about services
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "medcore/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	med_service_t services[MED_SERVICES_MAX];
	uint32_t ttl;
	size_t count = med_services_parse(data, size, services, &ttl);

	if(count > MED_SERVICES_MAX)
		abort();
	for(size_t i = 0; i < count; i++) {
		if(services[i].host[0] == '\0'
				|| memchr(services[i].host, '\0', sizeof(services[i].host)) == NULL)
			abort();
		if(i > 0 && services[i].priority < services[i - 1].priority)
			abort();
	}
	return 0;
}
