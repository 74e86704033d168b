/**
 * command.c - clients' commands: answered, refused, or on to rtpengine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#define _GNU_SOURCE /* recvmmsg, memmem */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "listener_priv.h"
#include "log.h"

static void send_to_client(
		med_listener_t *l, const med_sockaddr_t *client, const char *data, size_t len)
{
	/* a lost reply is asked for again with the same cookie */
	(void)sendto(l->fd, data, len, MSG_DONTWAIT, &client->u.any, client->len);
}

/** The query before an offer, under the cookie stamped into the offer's datagram. */
static med_str_t query_of(const med_txn_t *txn, char *text, size_t size)
{
	med_ng_out_t out = {.s = text, .size = size};

	med_ng_put(&out, txn->work->datagram.s, MED_TXN_COOKIE_LEN);
	med_ng_put(&out, "d", 1);
	med_ng_put_pair(&out, MED_STR("command"), MED_STR("query"));
	med_ng_put_pair(&out, MED_STR("call-id"), txn->work->call_id);
	med_ng_put(&out, "e", 1);
	return (med_str_t){out.s, out.len};
}

void med_resend(med_listener_t *l, med_txn_t *txn)
{
	char query[MED_TXN_COOKIE_LEN + MED_CALL_MAX_ID + 64];
	med_str_t data = txn->kind == MED_TXN_QUERY ? query_of(txn, query, sizeof(query))
												: txn->work->datagram;
	int fd = l->node[txn->node].fd;

	/* an error left over from an earlier datagram is reported first: once more then */
	if(send(fd, data.s, data.len, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED)
		(void)send(fd, data.s, data.len, MSG_DONTWAIT);
}

void med_forward(med_listener_t *l, med_txn_t *txn)
{
	int64_t again = l->now_ms + l->conf.deadline_ms / 3;

	med_txn_stamp(l->txns, txn, (char *)txn->work->datagram.s);
	txn->tried |= (uint8_t)(1u << txn->node);
	txn->resends = 0;
	med_txn_move(l->txns, txn, MED_TXN_WAITING,
			again < txn->deadline_ms ? again : txn->deadline_ms);
	med_resend(l, txn);
}

bool med_try_next_node(med_listener_t *l, med_txn_t *txn)
{
	med_node_t *node;

	if(!txn->first_offer || l->now_ms >= txn->deadline_ms)
		return false;
	node = med_node_for_call(l, txn->work->call_id, txn->tried);
	if(!node || !node->alive)
		return false;
	med_log(LOG_NOTICE, "call %.*s: %s cannot take it, on to %s",
			MED_STR_FMT(txn->work->call_id), l->node[txn->node].name, node->name);
	txn->node = (uint8_t)(node - l->node);
	med_send_offer(l, txn);
	return true;
}

uint64_t med_own_command(med_listener_t *l, enum med_txn_kind kind, med_node_t *node,
		const med_ng_command_view_t *ids, med_str_t body)
{
	med_txn_t *txn = med_txn_take(l->txns);

	if(!txn)
		return 0;
	if(med_txn_keep(txn, NULL, (med_str_t){NULL, 0}, ids, NULL, body) != MED_EOK) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return 0;
	}
	txn->kind = (uint8_t)kind;
	txn->node = (uint8_t)(node - l->node);
	txn->deadline_ms = l->now_ms + l->conf.deadline_ms;
	med_forward(l, txn);
	return txn->seq;
}

void med_undo(med_listener_t *l, med_node_t *node, const med_ng_command_view_t *ids)
{
	med_call_t *call = med_calls_find(l->calls, ids->call_id, l->now_ms);
	med_ng_out_t out = {.s = l->out, .size = sizeof(l->out)};
	med_branch_t *branch;
	bool others;

	if(call) {
		branch = med_call_branch_exact(call, ids->from_tag, ids->via_branch);
		if(branch)
			med_call_branch_remove(call, branch);
	}
	others = call && (call->branches || call->answered);
	if(call && call->answered && !ids->via_branch.len)
		return; /* a delete without a branch would end what is established */
	med_ng_put(&out, "d", 1);
	med_ng_put_pair(&out, MED_STR("command"), MED_STR("delete"));
	med_ng_put_pair(&out, MED_STR("call-id"), ids->call_id);
	if(others && ids->via_branch.len) {
		med_ng_put_pair(&out, MED_STR("from-tag"), ids->from_tag);
		med_ng_put_pair(&out, MED_STR("via-branch"), ids->via_branch);
	} else if(call) {
		med_calls_remove(l->calls, call);
	}
	/* rtpengine would keep it for its delete-delay, 30 s as it is packaged */
	med_ng_put_int_pair(&out, MED_STR("delete-delay"), 0);
	med_ng_put(&out, "e", 1);
	/* without the ids: their memory may be that of the slot it takes */
	(void)med_own_command(l, MED_TXN_OWN_DELETE, node, NULL, (med_str_t){out.s, out.len});
}

/* ---- hello ---- */

static bool is_listed(const char *address, char list[][48], size_t count)
{
	size_t i;

	for(i = 0; i < count; i++) {
		if(strcmp(list[i], address) == 0)
			return true;
	}
	return false;
}

static void put_addresses(med_listener_t *l, med_ng_out_t *out)
{
	size_t i, k, n;
	bool seen;

	med_ng_put_raw(out, MED_STR("13:med-addressesl"));
	for(i = 0; i < l->conf.address_count; i++)
		med_ng_put_text(out, med_str(l->conf.address[i]));
	for(i = 0; i < l->node_count; i++) {
		for(k = 0; k < l->node[i].address_count; k++) {
			const char *address = l->node[i].media_address[k];

			seen = is_listed(address, l->conf.address, l->conf.address_count)
					|| is_listed(address, l->node[i].media_address, k);
			for(n = 0; n < i && !seen; n++)
				seen = is_listed(
						address, l->node[n].media_address, l->node[n].address_count);
			if(!seen)
				med_ng_put_text(out, med_str(address));
		}
	}
	med_ng_put(out, "e", 1);
}

static void hello(med_listener_t *l, const med_sockaddr_t *client, med_str_t cookie)
{
	med_ng_out_t out = {.s = l->out, .size = sizeof(l->out)};
	size_t i;

	med_ng_put_raw(&out, cookie);
	med_ng_put(&out, " d", 2);
	med_ng_put_pair(&out, MED_STR("result"), MED_STR("pong"));
	med_ng_put_pair(&out, MED_STR("med-version"), MED_STR(MED_PLUGIN_VERSION));
	med_ng_put_pair(&out, MED_STR("med-host"), med_str(l->host));
	med_ng_put_raw(&out, MED_STR("9:med-nodesd"));
	for(i = 0; i < l->node_count; i++)
		med_ng_put_pair(&out, med_str(l->node[i].name),
				l->node[i].alive && l->node[i].told ? MED_STR("alive") : MED_STR("dead"));
	med_ng_put(&out, "e", 1);
	put_addresses(l, &out);
	med_ng_put(&out, "e", 1);
	send_to_client(l, client, out.s, out.len);
}

/* ---- keyed commands ---- */

static bool ids_fit(const med_ng_command_view_t *view, med_errbuf_t *why)
{
	if(!view->call_id.len || !view->from_tag.len) {
		med_fail(why, MED_EINVAL, "call-id or from-tag is missing");
		return false;
	}
	if(view->call_id.len > MED_CALL_MAX_ID || view->from_tag.len > MED_CALL_MAX_ID
			|| view->to_tag.len > MED_CALL_MAX_ID
			|| view->via_branch.len > MED_CALL_MAX_ID) {
		med_fail(why, MED_EINVAL,
				"call-id, tags and via-branch may have %d bytes each at most",
				MED_CALL_MAX_ID);
		return false;
	}
	return true;
}

/** As med_answer_error, for a command of which nothing was kept yet. */
static void refuse_new(med_listener_t *l, med_txn_t *txn, const med_sockaddr_t *client,
		med_str_t cookie, const char *reason)
{
	if(med_txn_keep(txn, client, cookie, &l->view, NULL, (med_str_t){NULL, 0})
			!= MED_EOK) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	med_txn_index(l->txns, txn, l->cookie_hash);
	med_answer_error(l, txn, reason);
}

void med_send_offer(med_listener_t *l, med_txn_t *txn)
{
	med_call_t *call = med_calls_find(l->calls, txn->work->call_id, l->now_ms);
	med_branch_t *branch;

	if(!call) {
		call = med_calls_add(l->calls, txn->work->call_id, txn->node, l->now_ms);
		if(call)
			call->whole = txn->initial;
	}
	branch = call ? med_call_branch_add(call, txn->work->from_tag, txn->work->via_branch)
				  : NULL;

	if(!branch) {
		med_answer_error(l, txn, "the policy listener is out of memory");
		return;
	}
	call->node = txn->node;
	if(!txn->initial)
		call->answered = true;
	call->changed = true;
	med_said_keep(&branch->offer, txn->work->datagram.s + MED_TXN_COOKIE_LEN,
			txn->work->datagram.len - MED_TXN_COOKIE_LEN);
	branch->offer_seq = txn->seq;
	branch->reoffer = !txn->initial;
	branch->memo = txn->work->memo;
	txn->kind = MED_TXN_OFFER;
	med_forward(l, txn);
}

/** Before an offer with a to-tag of a call we do not know: initial, or in a dialog? */
static void ask_first(med_listener_t *l, med_txn_t *txn)
{
	txn->kind = MED_TXN_QUERY;
	med_forward(l, txn);
}

/** Within a dialog, while the INVITE's own offer is still to be answered? */
static bool is_too_soon(const med_call_t *call, const med_ng_command_view_t *view)
{
	const med_branch_t *branch = call && !call->answered ? call->branches : NULL;

	while(branch && !branch->via_branch.len)
		branch = branch->next;
	return branch && view->to_tag.len && !view->via_branch.len;
}

static void keyed_offer(med_listener_t *l, med_txn_t *txn, const med_sockaddr_t *client,
		med_str_t cookie, const med_legs_t *legs)
{
	med_ng_out_t out = {.s = l->out, .size = MED_NG_MAX_DATAGRAM - MED_TXN_COOKIE_LEN};
	med_call_t *call;
	med_node_t *node;
	med_offer_memo_t memo;
	med_errbuf_t why;

	call = med_calls_find(l->calls, l->view.call_id, l->now_ms);
	if(med_policy_offer(
			   &l->view, legs, call ? &call->keys : NULL, &l->scratch, &out, &memo, &why)
			!= MED_EOK) {
		med_log(LOG_NOTICE, "call %.*s: offer refused: %s", MED_STR_FMT(l->view.call_id),
				why.text);
		refuse_new(l, txn, client, cookie, why.text);
		return;
	}
	if(is_too_soon(call, &l->view)) {
		refuse_new(l, txn, client, cookie,
				"an offer before the one in the INVITE is answered (RFC 3311 5.1)");
		return;
	}
	node = call ? &l->node[call->node] : med_node_for_call(l, l->view.call_id, 0);
	if(!node->alive) {
		med_fail(&why, MED_EALLDOWN, "rtpengine at %s does not answer", node->name);
		refuse_new(l, txn, client, cookie, why.text);
		return;
	}
	if(med_txn_keep(txn, client, cookie, &l->view, legs, (med_str_t){out.s, out.len})
			!= MED_EOK) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	med_txn_index(l->txns, txn, l->cookie_hash);
	txn->work->memo = memo;
	txn->node = (uint8_t)(node - l->node);
	txn->deadline_ms = l->now_ms + l->conf.deadline_ms;
	txn->initial = !txn->work->to_tag.len || (call && !call->answered);
	txn->first_offer = !call && !txn->work->to_tag.len;
	if(!call && txn->work->to_tag.len)
		ask_first(l, txn);
	else
		med_send_offer(l, txn);
}

/** A refused answer: an initial one leaves nothing behind, in a dialog all stays. */
static void refuse_answer(med_listener_t *l, med_txn_t *txn, const med_sockaddr_t *client,
		med_str_t cookie, const med_call_t *call, const med_branch_t *branch,
		const char *reason)
{
	bool undo =
			branch && !branch->reoffer && (!call->answered || branch->via_branch.len > 0);
	med_ng_command_view_t *ids = &l->view;
	char via[MED_CALL_MAX_ID];

	med_log(LOG_NOTICE, "call %.*s: answer refused%s: %s", MED_STR_FMT(ids->call_id),
			undo ? ", its media is deleted" : "", reason);
	refuse_new(l, txn, client, cookie, reason);
	if(!undo)
		return;
	/* the offer's branch, which the answer need not have named */
	ids->via_branch = (med_str_t){via, branch->via_branch.len};
	if(branch->via_branch.len)
		memcpy(via, branch->via_branch.s, branch->via_branch.len);
	med_undo(l, &l->node[call->node], ids);
}

static void keyed_answer(med_listener_t *l, med_txn_t *txn, const med_sockaddr_t *client,
		med_str_t cookie, const med_legs_t *legs)
{
	med_ng_out_t out = {.s = l->out, .size = MED_NG_MAX_DATAGRAM - MED_TXN_COOKIE_LEN};
	med_call_t *call = med_calls_find(l->calls, l->view.call_id, l->now_ms);
	med_branch_t *branch =
			call ? med_call_branch(call, l->view.from_tag, l->view.via_branch) : NULL;
	med_node_t *node =
			call ? &l->node[call->node] : med_node_for_call(l, l->view.call_id, 0);
	med_errbuf_t why;

	/* as late as a branch that was given up: its gateway must not take another's media */
	if(call && !branch && call->whole && l->view.via_branch.len) {
		med_fail(&why, MED_EREFUSED,
				"via-branch '%.*s' has no offer in this call: it was given up, or the "
				"answer names another branch than the offer; nothing was changed",
				l->view.via_branch.len > 64 ? 64 : (int)l->view.via_branch.len,
				l->view.via_branch.s);
		refuse_answer(l, txn, client, cookie, call, NULL, why.text);
		return;
	}
	if(med_policy_answer(&l->view, legs, branch ? &branch->memo : NULL,
			   call ? &call->keys : NULL, &l->scratch, &out, &why)
			!= MED_EOK) {
		refuse_answer(l, txn, client, cookie, call, branch, why.text);
		return;
	}
	if(med_txn_keep(txn, client, cookie, &l->view, legs, (med_str_t){out.s, out.len})
			!= MED_EOK) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	med_txn_index(l->txns, txn, l->cookie_hash);
	txn->kind = MED_TXN_ANSWER;
	txn->node = (uint8_t)(node - l->node);
	txn->deadline_ms = l->now_ms + l->conf.deadline_ms;
	txn->initial = branch && !branch->reoffer;
	txn->work->has_memo = branch != NULL;
	if(branch)
		txn->work->memo = branch->memo;
	med_forward(l, txn);
}

/**
 * Media that may go past us, of a call that is not here: the SDP as it came. Once there
 * was an offer that may not, the call is here, and stays.
 */
static bool goes_past(med_listener_t *l)
{
	return med_ng_entry(&l->view.dict, MED_STR("med-bypass")) != NULL && l->view.sdp.s
			&& !med_calls_find(l->calls, l->view.call_id, l->now_ms);
}

static void send_past(med_listener_t *l, med_txn_t *txn, const med_sockaddr_t *client,
		med_str_t cookie, const med_legs_t *legs)
{
	med_ng_out_t out = {.s = l->out, .size = MED_NG_MAX_DATAGRAM - MED_NG_MAX_COOKIE};
	med_errbuf_t why;

	if(med_policy_past(&l->view, legs, &out, &why) != MED_EOK) {
		med_log(LOG_NOTICE, "call %.*s: refused: %s", MED_STR_FMT(l->view.call_id),
				why.text);
		refuse_new(l, txn, client, cookie, why.text);
		return;
	}
	if(med_txn_keep(txn, client, cookie, &l->view, NULL, (med_str_t){NULL, 0})
			!= MED_EOK) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	med_txn_index(l->txns, txn, l->cookie_hash);
	med_answer(l, txn, (med_str_t){out.s, out.len});
}

static void keyed(
		med_listener_t *l, med_txn_t *txn, const med_sockaddr_t *client, med_str_t cookie)
{
	med_errbuf_t why;
	med_legs_t legs;

	if(!ids_fit(&l->view, &why) || med_policy_legs(&l->view, &legs, &why) != MED_EOK) {
		med_log(LOG_WARNING, "call %.*s: %s", MED_STR_FMT(l->view.call_id), why.text);
		refuse_new(l, txn, client, cookie, why.text);
	} else if(goes_past(l)) {
		send_past(l, txn, client, cookie, &legs);
	} else if(l->view.command == MED_NG_OFFER) {
		keyed_offer(l, txn, client, cookie, &legs);
	} else {
		keyed_answer(l, txn, client, cookie, &legs);
	}
}

/* ---- an offer that the other side refused ---- */

void med_say_again(med_listener_t *l, med_call_t *call, enum med_txn_kind kind)
{
	const med_said_t *said =
			kind == MED_TXN_OWN_OFFER ? &call->good_offer : &call->good_answer;
	med_ng_out_t out = {.s = l->out, .size = sizeof(l->out)};
	med_str_t to_tag;
	size_t i;

	/* the first offer knew no to-tag, and the call is no longer one of branches */
	if(med_ng_decode(
			   (med_str_t){call->good_answer.s, call->good_answer.len}, &l->dict, NULL)
			!= MED_EOK)
		return;
	to_tag = med_ng_text(&l->dict, MED_STR("to-tag"));
	if(!to_tag.len)
		return; /* an answer of nobody: there is no side to say it of */
	if(med_ng_decode((med_str_t){said->s, said->len}, &l->dict, NULL) != MED_EOK)
		return;
	med_ng_put(&out, "d", 1);
	for(i = 0; i < l->dict.count; i++) {
		if(!med_str_eq(l->dict.entry[i].key, MED_STR("to-tag"))
				&& !med_str_eq(l->dict.entry[i].key, MED_STR("via-branch")))
			med_ng_put_raw(&out, l->dict.entry[i].pair);
	}
	med_ng_put_pair(&out, MED_STR("to-tag"), to_tag);
	med_ng_put(&out, "e", 1);
	memset(&l->view, 0, sizeof(l->view));
	l->view.call_id = call->id;
	(void)med_own_command(
			l, kind, &l->node[call->node], &l->view, (med_str_t){out.s, out.len});
}

/** A `query` with `med-rollback`, as it does no harm where nobody knows that key. */
static bool is_rollback(const med_ng_command_view_t *view)
{
	return med_str_eq(view->name, MED_STR("query"))
			&& med_ng_entry(&view->dict, MED_STR("med-rollback"));
}

static void roll_back(med_listener_t *l, const med_sockaddr_t *client, med_str_t cookie)
{
	med_call_t *call = med_calls_find(l->calls, l->view.call_id, l->now_ms);
	med_ng_out_t out = {.s = l->out, .size = sizeof(l->out)};

	med_ng_put_raw(&out, cookie);
	med_ng_put_raw(&out, MED_STR(" d6:result2:oke"));
	send_to_client(l, client, out.s, out.len);
	if(call && !call->answered && !call->good_offer.s) {
		/* refused was the offer that would have brought its media here */
		l->view.via_branch.len = 0;
		med_undo(l, &l->node[call->node], &l->view);
		return;
	}
	if(!call || !call->changed || !call->good_offer.s || !call->good_answer.s)
		return;
	call->changed = false;
	med_log(LOG_INFO,
			"call %.*s: an offer was refused, what was agreed on before it is "
			"said again",
			MED_STR_FMT(call->id));
	med_say_again(l, call, MED_TXN_OWN_OFFER);
}

/* ---- everything else ---- */

static void pass(med_listener_t *l, med_txn_t *txn, const med_sockaddr_t *client,
		med_str_t cookie, med_str_t body, bool decoded)
{
	med_str_t call_id = decoded ? l->view.call_id : (med_str_t){NULL, 0};
	med_call_t *call = NULL;
	med_node_t *node;

	if(med_txn_keep(txn, client, cookie, decoded ? &l->view : NULL, NULL, body)
			!= MED_EOK) {
		med_txn_move(l->txns, txn, MED_TXN_FREE, 0);
		return;
	}
	med_txn_index(l->txns, txn, l->cookie_hash);
	if(call_id.len)
		call = med_calls_find(l->calls, call_id, l->now_ms);
	node = call ? &l->node[call->node] : med_node_for_call(l, call_id, 0);
	/* where a call is must outlast its node's death and return: several nodes only */
	if(!call && decoded && l->view.command == MED_NG_OFFER && l->node_count > 1
			&& call_id.len && call_id.len <= MED_CALL_MAX_ID)
		med_calls_add(l->calls, call_id, (unsigned int)(node - l->node), l->now_ms);
	txn->kind = MED_TXN_PASS;
	txn->node = (uint8_t)(node - l->node);
	txn->deadline_ms = l->now_ms + l->conf.deadline_ms;
	med_forward(l, txn);
}

/** An answer that is not kept: the command was not one, or there is no room. */
static void error_now(med_listener_t *l, const med_sockaddr_t *client, med_str_t cookie,
		const char *reason)
{
	med_ng_out_t out = {.s = l->out, .size = sizeof(l->out)};

	med_ng_put_raw(&out, cookie);
	med_ng_put(&out, " ", 1);
	med_put_error(&out, reason);
	send_to_client(l, client, out.s, out.len);
}

static bool is_repeated(med_listener_t *l, const med_sockaddr_t *client, med_str_t cookie)
{
	med_txn_t *txn;

	l->cookie_hash = med_txn_hash(l->txns, client, cookie);
	txn = med_txn_find(l->txns, l->cookie_hash, client, cookie);
	if(!txn)
		return false;
	if(txn->reply)
		send_to_client(l, client, txn->reply, txn->reply_len);
	return true; /* without a reply yet: the one under way will do for both */
}

/** JSON cannot be checked here: it may pass only where it asks for no policy. */
static bool json_is_keyed(med_str_t body)
{
	return memmem(body.s, body.len, "med-from", 8)
			|| memmem(body.s, body.len, "med-to", 6);
}

/** Other commands that carry an SDP would bypass the policy their keys ask for. */
static bool takes_keys(const med_ng_command_view_t *view)
{
	return view->command == MED_NG_OFFER || view->command == MED_NG_ANSWER;
}

void med_command(med_listener_t *l, const med_sockaddr_t *client, med_str_t datagram)
{
	bool json, keyed_command;
	med_str_t cookie, body;
	med_errbuf_t why;
	med_txn_t *txn;

	if(med_ng_split(datagram, &cookie, &body) != MED_EOK) {
		med_log(LOG_WARNING, "a datagram without cookie and command was ignored");
		return;
	}
	if(is_repeated(l, client, cookie))
		return;
	json = body.s[0] == '{';
	if(json && json_is_keyed(body)) {
		error_now(l, client, cookie, "med-from and med-to are read in bencode only");
		return;
	}
	if(!json && med_ng_command_decode(body, &l->view, &why) != MED_EOK) {
		error_now(l, client, cookie, why.text);
		return;
	}
	if(!json && l->view.command == MED_NG_PING && l->view.hello) {
		hello(l, client, cookie);
		return;
	}
	if(!json && is_rollback(&l->view)) {
		roll_back(l, client, cookie);
		return;
	}
	keyed_command = !json && l->view.keyed;
	if(keyed_command && !takes_keys(&l->view) && l->view.sdp.s) {
		error_now(
				l, client, cookie, "med-from and med-to belong to offer and answer only");
		return;
	}
	txn = med_txn_take(l->txns);
	if(!txn) {
		error_now(l, client, cookie, "too many commands wait for rtpengine");
		return;
	}
	if(keyed_command && takes_keys(&l->view))
		keyed(l, txn, client, cookie);
	else
		pass(l, txn, client, cookie, body, !json);
	med_txn_settle(txn);
}
