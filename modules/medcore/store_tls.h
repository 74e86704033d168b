/**
 * store_tls.h - TLS on a connection of the store, by OpenSSL, on our own socket
 *
 * Private to store_conn.c. Nothing of OpenSSL is touched before med_tls_open(): in
 * Kamailio its tls module gives OpenSSL other memory before the fork, which must be done
 * before anything else, and what is made here belongs to one process.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MEDCORE_STORE_TLS_H
#define MEDCORE_STORE_TLS_H

#include "medcore/store_url.h"

#include <sys/types.h>

typedef struct med_tls med_tls_t;

/**
 * A session on a connected, non-blocking socket, which stays the caller's. Reads the
 * files anew each time, so that renewed certificates need no restart. The server's
 * certificate must be valid for url->name, else for the host.
 * @return 0, or -1 with a text
 */
int med_tls_open(
		const med_store_url_t *url, int fd, med_tls_t **tls, char *text, size_t size);
void med_tls_close(med_tls_t *tls);

/** 1: done, 0: to be called again when the socket is ready, -1 with a text. */
int med_tls_handshake(med_tls_t *tls, char *text, size_t size);
/**
 * As recv() and send() of a non-blocking socket: 0 the end, -1 with errno; EPROTO when it
 * is TLS that fails, med_tls_why() says how.
 */
ssize_t med_tls_read(med_tls_t *tls, void *buffer, size_t size);
ssize_t med_tls_write(med_tls_t *tls, const void *buffer, size_t size);
const char *med_tls_why(const med_tls_t *tls);
/** It is a writable socket that it waits for. */
bool med_tls_wants_write(const med_tls_t *tls);

#endif
