/**
 * dns.h - questions to DNS servers, many at a time, none of them waited for
 *
 * c-ares is known to dns.c alone: it is asynchronous, reads resolv.conf and /etc/hosts,
 * asks by TCP where an answer does not fit, and parses what strangers send.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_DNS_H
#define MEDCORE_DNS_H

#include "medcore/model.h"

#define MED_DNS_FDS 16       /**< most descriptors that med_dns_poll() fills */
#define MED_DNS_NAME_MAX 256 /**< bytes of a name, its end included */
#define MED_SERVICES_MAX 32  /**< records of one service that count */

typedef struct med_dns med_dns_t;

enum med_dns_type { MED_DNS_A, MED_DNS_AAAA, MED_DNS_SRV };

/** A record of a service; its host is lower case, "." where there is no such service. */
typedef struct med_service {
	uint16_t priority, weight, port;
	char host[MED_DNS_NAME_MAX];
} med_service_t;

typedef struct med_dns_answer {
	enum { MED_DNS_FOUND, MED_DNS_NONE, MED_DNS_FAILED } outcome;
	const char *why;     /**< it failed; a text that stays */
	uint32_t ttl;        /**< s; the least of what was found, and of aliases on the way */
	size_t count;        /**< at least one where something was found */
	const med_ip_t *ips; /**< of A and AAAA, as they came */
	const med_service_t *services; /**< in order; the first MED_SERVICES_MAX */
} med_dns_answer_t;

/** Called once for each question, maybe before med_dns_ask() returns. */
typedef void (*med_dns_cb)(void *ctx, const med_dns_answer_t *answer);

/**
 * @param servers  "192.0.2.1,192.0.2.2:5353" instead of those in resolv.conf; NULL: these
 * @return MED_EOK; MED_EINVAL with text; MED_ENOMEM
 */
int med_dns_new(const char *servers, med_dns_t **dns, med_errbuf_t *err);
/** Questions that are open are answered: they failed. NULL allowed. */
void med_dns_free(med_dns_t *dns);

/** @param name  for services with them: "_sip._tcp.example.com" */
void med_dns_ask(med_dns_t *dns, enum med_dns_type type, const char *name, med_dns_cb cb,
		void *ctx);

struct pollfd;
size_t med_dns_poll(med_dns_t *dns, struct pollfd *fds, size_t max, int64_t now_ms,
		int64_t *deadline);
void med_dns_run(med_dns_t *dns, int64_t now_ms);

/**
 * The records of a service in a reply, in order; for fuzzing, too.
 *
 * @return how many; 0: none, or it is no reply
 */
size_t med_services_parse(const unsigned char *reply, size_t len,
		med_service_t services[MED_SERVICES_MAX], uint32_t *ttl);

#endif
