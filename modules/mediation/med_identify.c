/**
 * med_identify.c - see med_identify.h
 *
 * Stock pseudo-variables show the first SAN entry only, and a name of a certificate that
 * nobody verified as well: so the certificate is read from the connection itself.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <string.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/tcp_conn.h"
#include "core/sr_module.h"
#include "core/pass_fd.h"
#include "core/globals.h"
#include "core/xavp.h"

#include "med_identify.h"

#define MED_PEER_SLOTS 64 /* connections remembered by a process; newer replace older */
#define MED_PEER_NAMES 256

/** The names of one connection's verified certificate; none: count 0. */
typedef struct med_peer {
	int connection;
	const void *ssl; /**< with the id: a number alone could come around again */
	size_t count;
	med_str_t names[];
} med_peer_t;

static med_peer_t *med_peers[MED_PEER_SLOTS];
static bool med_tls_readable;

void med_identify_init(void)
{
	med_tls_readable = module_loaded("tls") != 0;
	if(!med_tls_readable && module_loaded("tls_wolfssl"))
		LM_WARN("tls_wolfssl is loaded, not tls: no name of a TLS peer can be read, so "
				"no "
				"TLS trunk will match\n");
}

void med_identify_destroy(void)
{
	for(size_t i = 0; i < MED_PEER_SLOTS; i++) {
		if(med_peers[i] != NULL)
			pkg_free(med_peers[i]);
		med_peers[i] = NULL;
	}
}

bool med_transport_of(int proto, uint8_t *transport)
{
	switch(proto) {
		case PROTO_UDP:
			*transport = MED_UDP;
			return true;
		case PROTO_TCP:
			*transport = MED_TCP;
			return true;
		case PROTO_TLS:
			*transport = MED_TLS;
			return true;
		default:
			return false;
	}
}

int med_transport_proto(uint8_t transport)
{
	return transport == MED_TLS    ? PROTO_TLS
			: transport == MED_TCP ? PROTO_TCP
								   : PROTO_UDP;
}

void med_ip_of(const struct ip_addr *address, med_ip_t *ip)
{
	ip->prefix = 128;
	if(address->af == AF_INET6) {
		memcpy(ip->bytes, address->u.addr, 16);
		return;
	}
	memset(ip->bytes, 0, 10);
	ip->bytes[10] = ip->bytes[11] = 0xff;
	memcpy(ip->bytes + 12, address->u.addr, 4);
}

/* What a certificate may say about DNS names; the entries stay owned by OpenSSL. */
typedef struct med_cert_names {
	size_t count, bytes;
	med_str_t name[MED_PEER_NAMES];
} med_cert_names_t;

/** A NUL inside a name is an attack ("good.example\0.evil.example"): not a name. */
static void med_cert_add(med_cert_names_t *names, const ASN1_STRING *text)
{
	const char *s = (const char *)ASN1_STRING_get0_data(text);
	int len = ASN1_STRING_length(text);

	if(s == NULL || len <= 0 || len > 255 || memchr(s, 0, (size_t)len) != NULL
			|| names->count == MED_PEER_NAMES)
		return;
	names->name[names->count++] = (med_str_t){s, (size_t)len};
	names->bytes += (size_t)len;
}

/** RFC 5922 and 6125: the subject's CN speaks only where there is no SAN at all. */
static void med_cert_common_name(med_cert_names_t *names, X509 *cert)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	int at = -1, last = -1;

	if(subject == NULL)
		return;
	while((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
		last = at;
	if(last >= 0)
		med_cert_add(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
}

static med_peer_t *med_peer_new(
		int connection, const void *ssl, const med_cert_names_t *names)
{
	med_peer_t *peer;
	char *text;

	peer = pkg_malloc(sizeof *peer + names->count * sizeof peer->names[0] + names->bytes);
	if(peer == NULL) {
		PKG_MEM_ERROR;
		return NULL;
	}
	peer->connection = connection;
	peer->ssl = ssl;
	peer->count = names->count;
	text = (char *)&peer->names[names->count];
	for(size_t i = 0; i < names->count; i++) {
		memcpy(text, names->name[i].s, names->name[i].len);
		peer->names[i] = (med_str_t){text, names->name[i].len};
		text += names->name[i].len;
	}
	return peer;
}

/**
 * A peer without certificate has verify result "ok" too, and a certificate that was not
 * asked for is not verified: all three must hold.
 */
static med_peer_t *med_peer_read(int connection, SSL *ssl)
{
	med_cert_names_t names = {.count = 0};
	GENERAL_NAMES *alternatives = NULL;
	med_peer_t *peer;
	X509 *cert = NULL;

	if((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0
			&& SSL_get_verify_result(ssl) == X509_V_OK)
		cert = SSL_get1_peer_certificate(ssl);
	if(cert != NULL) {
		alternatives = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
		for(int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
			const GENERAL_NAME *entry = sk_GENERAL_NAME_value(alternatives, i);

			if(entry->type == GEN_DNS)
				med_cert_add(&names, entry->d.dNSName);
		}
		if(alternatives == NULL
				&& X509_get_ext_by_NID(cert, NID_subject_alt_name, -1) < 0)
			med_cert_common_name(&names, cert);
	}
	peer = med_peer_new(connection, ssl, &names);
	GENERAL_NAMES_free(alternatives);
	X509_free(cert);
	return peer;
}

/** NULL: not TLS, or its handshake is not over. The lock: another process may be reading.
 */
static const med_peer_t *med_peer_at(struct tcp_connection *connection)
{
	int id = connection->id;
	med_peer_t **slot = &med_peers[(unsigned)id % MED_PEER_SLOTS];
	const med_tls_extra_t *extra = connection->extra_data;
	bool ready;

	if(connection->type != PROTO_TLS || extra == NULL || extra->ssl == NULL)
		return NULL;
	if(*slot != NULL && (*slot)->connection == id && (*slot)->ssl == extra->ssl)
		return *slot;
	lock_get(&connection->write_lock);
	ready = SSL_is_init_finished(extra->ssl) != 0;
	if(ready) {
		if(*slot != NULL)
			pkg_free(*slot);
		*slot = med_peer_read(id, extra->ssl);
	}
	lock_release(&connection->write_lock);
	return ready ? *slot : NULL;
}

static const med_peer_t *med_peer_of(const sip_msg_t *msg)
{
	struct tcp_connection *connection;
	const med_peer_t *peer;

	if(!med_tls_readable || msg->rcv.proto_reserved1 == 0)
		return NULL;
	connection = tcpconn_get(msg->rcv.proto_reserved1, NULL, 0, NULL, 0);
	if(connection == NULL)
		return NULL;
	peer = med_peer_at(connection);
	tcpconn_put(connection);
	return peer;
}

int med_source_of(sip_msg_t *msg, med_source_t *source, med_errbuf_t *why)
{
	const med_peer_t *peer = NULL;

	if(!med_transport_of(msg->rcv.proto, &source->transport))
		return med_fail(why, MED_ENOMATCH,
				"no trunk can use this transport; trunks use udp, tcp or tls");
	source->local_port = msg->rcv.bind_address != NULL ? msg->rcv.bind_address->port_no
													   : msg->rcv.dst_port;
	med_ip_of(&msg->rcv.src_ip, &source->address);
	if(source->transport == MED_TLS)
		peer = med_peer_of(msg);
	source->tls_names = peer != NULL ? peer->names : NULL;
	source->tls_name_count = peer != NULL ? peer->count : 0;
	return MED_EOK;
}

static bool med_names_have(
		const med_str_t *names, size_t count, const med_gateway_t *gateway)
{
	for(size_t i = 0; i < count; i++)
		if(med_name_is(names[i], gateway->tls_name, gateway->tls_wildcard))
			return true;
	return false;
}

bool med_source_is(const med_source_t *source, const med_trunk_t *trunk)
{
	const med_gateway_t *gateway = trunk->gateway;

	if(trunk->transport == MED_TLS)
		return source->transport == MED_TLS
				&& med_names_have(source->tls_names, source->tls_name_count, gateway);
	/* A long request of a UDP trunk may come by TCP (RFC 3261 18.1.1). */
	if(source->transport != trunk->transport
			&& (source->transport != MED_TCP || trunk->transport != MED_UDP))
		return false;
	for(unsigned i = 0; i < gateway->source_count; i++)
		if(med_ip_contains(&gateway->sources[i], &source->address))
			return true;
	return false;
}

static void med_ip_to(const med_ip_t *ip, struct ip_addr *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = memcmp(ip->bytes, mapped, sizeof mapped) == 0;

	memset(address, 0, sizeof *address);
	address->af = v4 ? AF_INET : AF_INET6;
	address->len = v4 ? 4 : 16;
	memcpy(address->u.addr, v4 ? ip->bytes + 12 : ip->bytes, address->len);
}

enum med_connection med_connection_is(
		const med_ip_t *ip, uint16_t port, const med_gateway_t *gateway)
{
	enum med_connection answer = MED_CONNECTION_NONE;
	struct tcp_connection *connection;
	const med_peer_t *peer;
	struct ip_addr address;

	if(!med_tls_readable)
		return answer;
	med_ip_to(ip, &address);
	connection = tcpconn_get(0, &address, port, NULL, 0);
	if(connection == NULL)
		return answer;
	peer = med_peer_at(connection);
	if(peer != NULL)
		answer = med_names_have(peer->names, peer->count, gateway) ? MED_CONNECTION_YES
																   : MED_CONNECTION_NO;
	tcpconn_put(connection);
	return answer;
}

void med_tls_hello(const med_trunk_t *trunk)
{
	str config = str_init("tls"), field = str_init("server_name");
	str name = med_to_str(trunk->gateway->tls_name);

	if(trunk->transport == MED_TLS && med_tls_readable
			&& xavp_set_child_sval(&config, &field, &name) < 0)
		LM_ERR("no memory\n"); /* then it is not told its name */
}

enum med_link med_link_to(int *id, const med_ip_t *ip, uint16_t port)
{
	struct tcp_connection *connection;
	const med_tls_extra_t *extra;
	struct ip_addr address;
	bool coming;

	med_ip_to(ip, &address);
	connection = *id != 0 ? tcpconn_get(*id, NULL, 0, NULL, 0)
						  : tcpconn_get(0, &address, port, NULL, 0);
	if(connection == NULL)
		return MED_LINK_NONE;
	*id = connection->id;
	coming = connection->state == S_CONN_CONNECT;
	extra = connection->extra_data;
	if(!coming && connection->type == PROTO_TLS && med_tls_readable) {
		lock_get(&connection->write_lock);
		coming = extra == NULL || extra->ssl == NULL
				|| SSL_is_init_finished(extra->ssl) == 0;
		lock_release(&connection->write_lock);
	}
	tcpconn_put(connection);
	return coming ? MED_LINK_COMING : MED_LINK_UP;
}
