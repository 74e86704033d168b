/**
 * med_gate.h - the last gate: no message leaves that its leg's media policy forbids
 *
 * Looks at the bytes as they go to the socket, after every module and whatever the script
 * did, retransmissions too (design 5).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef MED_GATE_H
#define MED_GATE_H

/**
 * In mod_register(): the core runs these callbacks last-registered first, and every stock
 * module registers in its mod_init, which is later. So ours is the last to see the bytes.
 */
int med_gate_register(void);

#endif
