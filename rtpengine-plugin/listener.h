/**
 * listener.h - the policy listener: an ng port in front of rtpengine's
 *
 * One thread owns it; nothing here is called by another one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_LISTENER_H
#define MED_LISTENER_H

#include "conf.h"

#define MED_PLUGIN_VERSION "0.1"

typedef struct med_listener med_listener_t;

/**
 * Bind the port, open the nodes. Nothing is sent yet.
 *
 * @param conf  copied
 * @param host  "inside" or "daemon", for the hello
 * @return MED_EOK, MED_ENOMEM or -errno with a text that names the port
 */
int med_listener_open(const med_conf_t *conf, const char *host, med_listener_t **listener,
		med_errbuf_t *err);

/**
 * Serve until @p stop_fd (-1: never) is readable.
 * @return MED_EOK, or -errno where waiting itself failed
 */
int med_listener_run(med_listener_t *listener, int stop_fd);

void med_listener_close(med_listener_t *listener);

/** In the child after a fork that is not to serve: let go of the sockets, nothing else.
 */
void med_listener_forked(med_listener_t *listener);

#endif
