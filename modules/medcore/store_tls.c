/**
 * store_tls.c - TLS on a connection of the store, by OpenSSL, on our own socket
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "medcore/store_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct med_tls {
	SSL_CTX *context;
	SSL *session;
	BIO_METHOD *method;
	int fd;
	bool wants_write, at_end, used;
	char name[256], why[160];
};

/* ---- the socket as a BIO; OpenSSL's own would raise SIGPIPE ---- */

static int on_write(BIO *bio, const char *bytes, int len)
{
	const med_tls_t *tls = BIO_get_data(bio);
	ssize_t n = send(tls->fd, bytes, (size_t)len, MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if(n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int on_read(BIO *bio, char *bytes, int size)
{
	med_tls_t *tls = BIO_get_data(bio);
	ssize_t n = recv(tls->fd, bytes, (size_t)size, 0);

	tls->at_end |= n == 0;
	BIO_clear_retry_flags(bio);
	if(n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	return (int)n;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static int attach_socket(med_tls_t *tls)
{
	BIO *bio;

	tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "med socket");
	if(!tls->method || !BIO_meth_set_write(tls->method, on_write)
			|| !BIO_meth_set_read(tls->method, on_read)
			|| !BIO_meth_set_ctrl(tls->method, on_control))
		return -1;
	bio = BIO_new(tls->method);
	if(!bio)
		return -1;
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->session, bio, bio);
	return 0;
}

/** What OpenSSL has to say itself: from 3.2 on it also tells errno in this way. */
static unsigned long last_error(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_SYSTEM_ERROR(code) ? 0 : code;
}

/* ---- setting up ---- */

static int fail(char *text, size_t size, const char *what, const char *of)
{
	unsigned long code = last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	snprintf(text, size, "TLS: %s%.100s%s%s", what, of, why ? ": " : "", why ? why : "");
	ERR_clear_error();
	return -1;
}

static int load_files(med_tls_t *tls, const med_store_url_t *url, char *text, size_t size)
{
	if(url->ca[0] ? !SSL_CTX_load_verify_file(tls->context, url->ca)
				  : !SSL_CTX_set_default_verify_paths(tls->context))
		return fail(text, size, "cannot read the authorities' file ",
				url->ca[0] ? url->ca : "of the system");
	if(url->cert[0] && !SSL_CTX_use_certificate_chain_file(tls->context, url->cert))
		return fail(text, size, "cannot read our certificate ", url->cert);
	if(url->key[0]
			&& !SSL_CTX_use_PrivateKey_file(tls->context, url->key, SSL_FILETYPE_PEM))
		return fail(text, size, "cannot use the key ", url->key);
	return 0;
}

/** The name, or address, that the server's certificate must have. */
static int expect_name(med_tls_t *tls, const med_store_url_t *url)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(tls->session);

	snprintf(tls->name, sizeof tls->name, "%s", url->name[0] ? url->name : url->at.host);
	if(X509_VERIFY_PARAM_set1_ip_asc(param, tls->name))
		return 0;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, tls->name, 0)
					&& SSL_set_tlsext_host_name(tls->session, tls->name)
			? 0
			: -1;
}

int med_tls_open(
		const med_store_url_t *url, int fd, med_tls_t **tls, char *text, size_t size)
{
	med_tls_t *t = calloc(1, sizeof *t);

	if(!t) {
		snprintf(text, size, "out of memory");
		return -1;
	}
	t->fd = fd;
	ERR_clear_error();
	t->context = SSL_CTX_new(TLS_client_method());
	if(!t->context) {
		fail(text, size, "no context", "");
		goto failed;
	}
	SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
	SSL_CTX_set_mode(t->context,
			SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	if(load_files(t, url, text, size))
		goto failed;
	t->session = SSL_new(t->context);
	if(!t->session || attach_socket(t) || expect_name(t, url)) {
		fail(text, size, "no session", "");
		goto failed;
	}
	SSL_set_connect_state(t->session);
	*tls = t;
	return 0;
failed:
	med_tls_close(t);
	return -1;
}

void med_tls_close(med_tls_t *tls)
{
	if(!tls)
		return;
	SSL_free(tls->session);
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->method);
	free(tls);
}

/* ---- using it ---- */

/** What a call that did not succeed means: 0: later, -1: never. */
static int outcome(med_tls_t *tls, int rc)
{
	int error = SSL_get_error(tls->session, rc);

	tls->wants_write = error == SSL_ERROR_WANT_WRITE;
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

int med_tls_handshake(med_tls_t *tls, char *text, size_t size)
{
	long verified;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(tls->session);
	if(rc == 1)
		return 1;
	if(outcome(tls, rc) == 0)
		return 0;
	verified = SSL_get_verify_result(tls->session);
	if(verified == X509_V_ERR_HOSTNAME_MISMATCH
			|| verified == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return fail(text, size, "the server's certificate is not for ", tls->name);
	if(verified != X509_V_OK) {
		ERR_clear_error();
		return fail(text, size, "the server's certificate is not good: ",
				X509_verify_cert_error_string(verified));
	}
	if(tls->at_end || last_error() == 0)
		return fail(
				text, size, "the server hung up; does it speak TLS on this port?", "");
	return fail(text, size, "handshake", "");
}

/** What came of a read or write: as recv() and send() would say it. */
static ssize_t result(med_tls_t *tls, int rc)
{
	int cause = errno;
	unsigned long code = last_error();

	tls->wants_write = false;
	if(rc > 0) {
		tls->used = true;
		return rc;
	}
	if(outcome(tls, rc) == 0) {
		errno = EAGAIN;
		return -1;
	}
	errno = EPROTO;
	if(code) /* an alert, or what is not TLS */
		return fail(tls->why, sizeof tls->why, "the server ends it", "");
	if(!tls->used && SSL_get_certificate(tls->session) == NULL)
		return fail(tls->why, sizeof tls->why,
				"the server hung up; it may want a certificate of ours: cert and key",
				"");
	if(tls->at_end || SSL_get_error(tls->session, rc) == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = cause ? cause : EPROTO;
	return -1;
}

ssize_t med_tls_read(med_tls_t *tls, void *buffer, size_t size)
{
	ERR_clear_error();
	errno = 0;
	return result(tls, SSL_read(tls->session, buffer, (int)size));
}

ssize_t med_tls_write(med_tls_t *tls, const void *buffer, size_t size)
{
	bool used = tls->used;
	ssize_t n;

	ERR_clear_error();
	errno = 0;
	n = result(tls, SSL_write(tls->session, buffer, size > 16384 ? 16384 : (int)size));
	tls->used = used; /* only what comes shows that we are welcome */
	return n;
}

const char *med_tls_why(const med_tls_t *tls)
{
	return tls->why;
}

bool med_tls_wants_write(const med_tls_t *tls)
{
	return tls->wants_write;
}
