/**
 * reply.c - rtpengine's replies, and what clients are told
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* recvmmsg, memmem */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listener_priv.h"
#include "log.h"

/** How long a reply to an offer that was given up is still looked for, to undo it. */
#define LATE_MS 60000
/** A delete of ours is repeated this often, once each deadline. */
#define MAX_DELETES 20

/** A transaction seen as the command it came from. */
static void ids_of(const med_txn_t *txn, med_ng_command_view_t *ids)
{
	ids->call_id = txn->work->call_id;
	ids->from_tag = txn->work->from_tag;
	ids->to_tag = txn->work->to_tag;
	ids->via_branch = txn->work->via_branch;
	ids->command = txn->command;
}

static void undo_txn(med_listener_t *l, const med_txn_t *txn)
{
	ids_of(txn, &l->view);
	med_undo(l, &l->node[txn->node], &l->view);
}

void med_put_error(med_ng_out_t *out, const char *reason)
{
	med_ng_put(out, "d", 1);
	med_ng_put_pair(out, MED_STR("result"), MED_STR("error"));
	med_ng_put_pair(out, MED_STR("error-reason"), med_str(reason));
	med_ng_put(out, "e", 1);
}

void med_answer(med_listener_t *l, med_txn_t *txn, med_str_t body)
{
	size_t len = txn->cookie.len + 1 + body.len;
	char *reply = malloc(len);

	if(!reply) { /* the client asks again, and finds nothing kept */
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	memcpy(reply, txn->cookie.s, txn->cookie.len);
	reply[txn->cookie.len] = ' ';
	memcpy(reply + txn->cookie.len + 1, body.s, body.len);
	free(txn->reply);
	txn->reply = reply;
	txn->reply_len = len;
	med_txn_move(l->txns, txn, MED_TXN_DONE, l->now_ms + l->conf.replay_ms);
	(void)sendto(l->fd, reply, len, MSG_DONTWAIT, &txn->client.u.any, txn->client.len);
}

void med_answer_error(med_listener_t *l, med_txn_t *txn, const char *reason)
{
	char text[512];
	med_ng_out_t out = {.s = text, .size = sizeof(text)};

	med_put_error(&out, reason);
	med_answer(l, txn, (med_str_t){out.s, out.len});
}

/** rtpengine's reason, except the two texts that make the stock client try again.
 * MED_EALLDOWN where another node may do better. */
static int reason_of(const med_listener_t *l, const med_txn_t *txn,
		const med_ng_dict_t *dict, med_errbuf_t *why)
{
	med_str_t result = med_ng_text(dict, MED_STR("result"));
	med_str_t text = med_ng_text(dict, MED_STR("error-reason"));
	const char *name = l->node[txn->node].name;

	if(med_str_eq(result, MED_STR("load limit")))
		return med_fail(why, MED_EALLDOWN, "rtpengine at %s is at its load limit", name);
	if(med_str_eq(text, MED_STR("Ran out of ports")))
		return med_fail(
				why, MED_EALLDOWN, "rtpengine at %s has no free media port", name);
	if(med_str_eq(text, MED_STR("Parallel session limit reached")))
		return med_fail(
				why, MED_EALLDOWN, "rtpengine at %s is at its session limit", name);
	if(text.len)
		return med_fail(why, MED_EINVAL, "rtpengine at %s: %.*s", name,
				(int)(text.len > 150 ? 150 : text.len), text.s);
	return med_fail(why, MED_EINVAL, "rtpengine at %s answered without a result", name);
}

static void forget_branch(med_listener_t *l, const med_txn_t *txn)
{
	med_call_t *call = med_calls_find(l->calls, txn->work->call_id, l->now_ms);
	med_branch_t *branch = call
			? med_call_branch_exact(call, txn->work->from_tag, txn->work->via_branch)
			: NULL;

	if(!branch || branch->offer_seq != txn->seq)
		return;
	med_call_branch_remove(call, branch);
	if(!call->branches && !call->answered)
		med_calls_remove(l->calls, call);
}

static void offer_failed(med_listener_t *l, med_txn_t *txn)
{
	bool load_limit =
			med_str_eq(med_ng_text(&l->dict, MED_STR("result")), MED_STR("load limit"));
	med_errbuf_t why;
	int rc = reason_of(l, txn, &l->dict, &why);

	if(rc == MED_EALLDOWN && med_try_next_node(l, txn))
		return;
	med_log(LOG_WARNING, "call %.*s: offer failed: %s", MED_STR_FMT(txn->work->call_id),
			why.text);
	if(load_limit && txn->first_offer) {
		forget_branch(l, txn);
		med_answer(l, txn, MED_STR("d6:result10:load limite"));
		return;
	}
	med_answer_error(l, txn, why.text);
	if(txn->initial)
		undo_txn(l, txn); /* nothing may stay, half made or not */
}

static void offer_replied(med_listener_t *l, med_txn_t *txn)
{
	med_ng_out_t out = {.s = l->out, .size = MED_NG_MAX_DATAGRAM - MED_NG_MAX_COOKIE};
	med_branch_t *branch;
	med_call_t *call;
	med_errbuf_t why;

	if(med_policy_offer_reply(
			   &l->dict, &txn->work->legs, &l->scratch, &out, &txn->work->memo, &why)
			!= MED_EOK) {
		med_log(LOG_ERR, "call %.*s: offer refused: %s", MED_STR_FMT(txn->work->call_id),
				why.text);
		med_answer_error(l, txn, why.text);
		if(txn->initial)
			undo_txn(l, txn);
		return;
	}
	call = med_calls_find(l->calls, txn->work->call_id, l->now_ms);
	branch = call
			? med_call_branch_exact(call, txn->work->from_tag, txn->work->via_branch)
			: NULL;
	if(branch && branch->offer_seq == txn->seq)
		branch->memo = txn->work->memo;
	med_answer(l, txn, (med_str_t){out.s, out.len});
}

static void answer_failed(med_listener_t *l, med_txn_t *txn, const char *reason)
{
	med_log(LOG_WARNING, "call %.*s: answer failed: %s", MED_STR_FMT(txn->work->call_id),
			reason);
	med_answer_error(l, txn, reason);
	if(txn->initial)
		undo_txn(l, txn);
}

/** What both sides agree on now. */
static void keep_exchange(med_call_t *call, const med_txn_t *txn)
{
	const med_txn_work_t *work = txn->work;
	med_branch_t *branch = med_call_branch(call, work->from_tag, work->via_branch);

	if(!branch)
		return;
	med_said_keep(&call->good_offer, branch->offer.s, branch->offer.len);
	med_said_keep(&call->good_answer, work->datagram.s + MED_TXN_COOKIE_LEN,
			work->datagram.len - MED_TXN_COOKIE_LEN);
	call->changed = false;
}

static bool has_sdes(const med_leg_policy_t *leg)
{
	return leg->known && leg->srtp != MED_SRTP_NOT_SUPPORTED && !leg->media.dtls;
}

/** Where both legs have keys by SDES: did rtpengine pass on the answerer's? */
static void learn_key(med_listener_t *l, med_call_t *call, const med_txn_t *txn)
{
	const med_txn_work_t *work = txn->work;
	med_sdp_t answer, made;

	if(!has_sdes(&work->legs.from.policy) || !has_sdes(&work->legs.to.policy)
			|| med_ng_decode((med_str_t){work->datagram.s + MED_TXN_COOKIE_LEN,
									 work->datagram.len - MED_TXN_COOKIE_LEN},
					   &l->view.dict, NULL)
					!= MED_EOK
			|| med_sdp_parse(med_ng_text(&l->view.dict, MED_STR("sdp")), &answer, NULL)
					!= MED_EOK
			|| med_sdp_parse(med_ng_text(&l->dict, MED_STR("sdp")), &made, NULL)
					!= MED_EOK)
		return;
	med_keys_learn(&call->keys, &answer, &made);
}

static void answer_replied(med_listener_t *l, med_txn_t *txn)
{
	med_ng_out_t out = {.s = l->out, .size = MED_NG_MAX_DATAGRAM - MED_NG_MAX_COOKIE};
	med_call_t *call;
	med_errbuf_t why;

	if(med_policy_answer_reply(&l->dict, &txn->work->legs,
			   txn->work->has_memo ? &txn->work->memo : NULL, &l->scratch, &out, &why)
			!= MED_EOK) {
		answer_failed(l, txn, why.text);
		return;
	}
	call = med_calls_add(l->calls, txn->work->call_id, txn->node, l->now_ms);
	if(call) {
		call->answered = true;
		keep_exchange(call, txn);
		learn_key(l, call, txn);
	}
	med_answer(l, txn, (med_str_t){out.s, out.len});
}

/** rtpengine knows the call (then we were restarted) or not (a delayed offer). */
static void queried(med_listener_t *l, med_txn_t *txn, bool known)
{
	txn->initial = !known;
	med_send_offer(l, txn);
}

/** A client's delete went through: what we know of it goes too. */
static void deleted(med_listener_t *l, const med_txn_t *txn)
{
	med_call_t *call = med_calls_find(l->calls, txn->work->call_id, l->now_ms);
	med_branch_t *branch;

	if(!call)
		return;
	if(txn->work->via_branch.len && !txn->work->to_tag.len) {
		branch = med_call_branch_exact(call, txn->work->from_tag, txn->work->via_branch);
		if(branch)
			med_call_branch_remove(call, branch);
		if(call->branches)
			return;
	}
	med_calls_remove(l->calls, call);
}

static void late(med_listener_t *l, med_txn_t *txn, bool ok)
{
	med_call_t *call = med_calls_find(l->calls, txn->work->call_id, l->now_ms);
	med_branch_t *branch = call
			? med_call_branch_exact(call, txn->work->from_tag, txn->work->via_branch)
			: NULL;

	/* a newer offer of the same branch owns the session now */
	bool is_last = !branch || branch->offer_seq == txn->seq;

	/* first: taking a slot for the delete may give this one back */
	med_txn_move(l->txns, txn, MED_TXN_DONE, l->now_ms + l->conf.replay_ms);
	if(ok && is_last) {
		med_log(LOG_NOTICE,
				"call %.*s: its offer was answered after the deadline; undone",
				MED_STR_FMT(txn->work->call_id));
		undo_txn(l, txn);
	}
}

static void own_replied(med_listener_t *l, med_node_t *node, med_txn_t *txn)
{
	med_str_t sdp = med_ng_text(&l->dict, MED_STR("sdp"));
	med_call_t *call;

	if(txn->kind == MED_TXN_OWN_PROBE) {
		med_node_probed(l, node, txn->seq, sdp);
		undo_txn(l, txn);
	} else if(txn->kind == MED_TXN_OWN_OFFER) {
		call = med_calls_find(l->calls, txn->work->call_id, l->now_ms);
		if(call && !call->changed && call->good_answer.s)
			med_say_again(l, call, MED_TXN_OWN_ANSWER);
	}
	med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
}

static void replied(med_listener_t *l, med_node_t *node, med_txn_t *txn, med_str_t body)
{
	med_errbuf_t why;
	bool ok;

	if(txn->kind == MED_TXN_PASS) {
		if(txn->command == MED_NG_DELETE)
			deleted(l, txn);
		med_answer(l, txn, body);
		return;
	}
	if(med_ng_decode(body, &l->dict, &why) != MED_EOK) {
		med_log(LOG_ERR, "rtpengine at %s: %s", node->name, why.text);
		l->dict.count = 0;
	}
	ok = med_str_eq(med_ng_text(&l->dict, MED_STR("result")), MED_STR("ok"));
	if(txn->state == MED_TXN_LATE) {
		late(l, txn, ok);
		return;
	}
	switch(txn->kind) {
		case MED_TXN_QUERY:
			queried(l, txn,
					!med_str_eq(
							med_ng_text(&l->dict, MED_STR("result")), MED_STR("error")));
			break;
		case MED_TXN_OFFER:
			if(ok)
				offer_replied(l, txn);
			else
				offer_failed(l, txn);
			break;
		case MED_TXN_ANSWER:
			if(ok) {
				answer_replied(l, txn);
			} else {
				reason_of(l, txn, &l->dict, &why);
				answer_failed(l, txn, why.text);
			}
			break;
		default:
			own_replied(l, node, txn);
	}
}

void med_reply(med_listener_t *l, med_node_t *node, med_str_t datagram)
{
	med_str_t cookie, body;
	med_txn_t *txn;

	if(med_ng_split(datagram, &cookie, &body) != MED_EOK)
		return;
	med_node_answered(l, node);
	txn = med_txn_by_cookie(l->txns, cookie);
	if(txn && &l->node[txn->node] == node) {
		replied(l, node, txn, body);
		med_txn_settle(txn);
	}
}

void med_expired(med_listener_t *l, med_txn_t *txn)
{
	med_node_t *node = &l->node[txn->node];
	med_errbuf_t why;

	if(txn->kind == MED_TXN_PASS) /* a list of all calls may take its time */
		med_node_doubted(l, node);
	else
		med_node_missed(l, node);
	if(txn->kind == MED_TXN_OWN_DELETE && ++txn->resends < MAX_DELETES) {
		txn->deadline_ms = l->now_ms + l->conf.deadline_ms;
		med_txn_move(l->txns, txn, MED_TXN_WAITING, txn->deadline_ms);
		med_resend(l, txn);
		return;
	}
	if(txn->kind == MED_TXN_OWN_PROBE) {
		med_node_probe_lost(l, node, txn->seq);
		undo_txn(l, txn);
	}
	if(!txn->cookie.len) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	med_fail(&why, MED_EALLDOWN, "rtpengine at %s did not answer within %d ms",
			node->name, l->conf.deadline_ms);
	med_log(LOG_WARNING, "call %.*s: %s", MED_STR_FMT(txn->work->call_id), why.text);
	med_answer_error(l, txn, why.text);
	if(txn->state == MED_TXN_DONE && txn->kind == MED_TXN_OFFER && txn->initial)
		med_txn_move(l->txns, txn, MED_TXN_LATE, l->now_ms + LATE_MS);
}

void med_abandoned(med_listener_t *l, med_txn_t *txn)
{
	med_errbuf_t why;

	if(txn->kind == MED_TXN_OWN_DELETE)
		return; /* repeated until its own end */
	if(txn->kind == MED_TXN_OWN_PROBE)
		med_node_probe_lost(l, &l->node[txn->node], txn->seq);
	if(!txn->cookie.len) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	if(med_try_next_node(l, txn))
		return;
	med_fail(&why, MED_EALLDOWN, "rtpengine at %s is not running",
			l->node[txn->node].name);
	if(txn->kind == MED_TXN_OFFER && txn->initial)
		forget_branch(l, txn);
	med_answer_error(l, txn, why.text);
}

void med_late_over(med_listener_t *l, med_txn_t *txn)
{
	forget_branch(l, txn);
	med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
}
