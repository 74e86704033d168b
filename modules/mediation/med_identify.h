/**
 * med_identify.h - from which trunk did this request come?
 *
 * By our local port and either the source address or a name of the peer's verified TLS
 * certificate (spec 1.7, 1.8). Certificates are read once per connection and process.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_IDENTIFY_H
#define MED_IDENTIFY_H

#include "med_compat.h"
#include "medcore/select.h"

/** In mod_init: is stock `tls` loaded, so that certificates can be read? */
void med_identify_init(void);
/** In mod_destroy or at a worker's end. */
void med_identify_destroy(void);

/** false: a transport no trunk can have (WebSocket, SCTP). */
bool med_transport_of(int proto, uint8_t *transport);
/** Kamailio's protocol number of a trunk's transport. */
int med_transport_proto(uint8_t transport);
void med_ip_of(const struct ip_addr *address, med_ip_t *ip);

/**
 * Where the message came from. The names point into this process's cache and hold until
 * the next call.
 *
 * @return MED_EOK; MED_ENOMATCH with @p why: a transport no trunk can have
 */
int med_source_of(sip_msg_t *msg, med_source_t *source, med_errbuf_t *why);

/**
 * Does the source match this trunk, be it enabled or not? Whatever other trunk matches
 * too; and not by local port: over a connection that we opened the core names some
 * socket.
 */
bool med_source_is(const med_source_t *source, const med_trunk_t *trunk);

enum med_connection { MED_CONNECTION_NONE, MED_CONNECTION_NO, MED_CONNECTION_YES };
/** Is there a TLS connection to this place, and was the gateway's tls_name verified? */
enum med_connection med_connection_is(
		const med_ip_t *ip, uint16_t port, const med_gateway_t *gateway);

/**
 * Should a TLS connection to this trunk be made for what is sent next, its hello has the
 * gateway's tls_name (SNI): by $xavp(tls=>server_name), which the tls module is told of
 * (xavp_cfg).
 */
void med_tls_hello(const med_trunk_t *trunk);

enum med_link { MED_LINK_NONE, MED_LINK_COMING, MED_LINK_UP };
/**
 * Is there a TCP or TLS connection to this place, and is it up (of TLS, its handshake
 * over)? *id: the connection's, looked for by that and told; 0: any to this place.
 */
enum med_link med_link_to(int *id, const med_ip_t *ip, uint16_t port);

#endif
