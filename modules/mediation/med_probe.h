/**
 * med_probe.h - one process asks each trunk by OPTIONS whether it is there (spec 4.2)
 *
 * tm carries the requests: their answers and timeouts come to whichever process has them,
 * and are told to med_health.h there. The prober never waits for a peer: TCP connections
 * are made by Kamailio's asynchronous ones.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_PROBE_H
#define MED_PROBE_H

/** In mod_init. 0, or -1 (logged). */
int med_probe_init(void);
/** In child_init: forks the prober where @p rank is PROC_MAIN's. 0, or -1 (logged). */
int med_probe_fork(int rank);

#endif
