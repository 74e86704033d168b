/**
 * t_ng_txn.c - transactions: cookies, order, replay and the end of the pool
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include "rtpengine-plugin/txn.h"

static med_txns_t *txns;
static med_sockaddr_t client;
static med_errbuf_t err;

static void setup(void)
{
	txns = med_txns_new();
	ck_assert_ptr_nonnull(txns);
	ck_assert_int_eq(med_sockaddr_parse("127.0.0.1:5000", &client, &err), MED_EOK);
}

static med_txn_t *take(const char *cookie)
{
	med_txn_t *txn = med_txn_take(txns);

	if(!txn)
		return NULL;
	ck_assert_int_eq(
			med_txn_keep(txn, &client, med_str(cookie), NULL, NULL, MED_STR("de")),
			MED_EOK);
	med_txn_index(txns, txn, med_txn_hash(txns, &client, txn->cookie));
	med_txn_stamp(txns, txn, (char *)txn->work->datagram.s);
	return txn;
}

static med_txn_t *find(const med_sockaddr_t *from, med_str_t cookie)
{
	return med_txn_find(txns, med_txn_hash(txns, from, cookie), from, cookie);
}

static med_str_t cookie_of(const med_txn_t *txn)
{
	return (med_str_t){txn->work->datagram.s, MED_TXN_COOKIE_LEN - 1};
}

START_TEST(upstream_cookies)
{
	med_txn_t *txn;
	char old[MED_TXN_COOKIE_LEN];
	char bent[MED_TXN_COOKIE_LEN];
	size_t i;

	setup();
	txn = take("a");
	ck_assert(med_str_eq(
			(med_str_t){txn->work->datagram.s + MED_TXN_COOKIE_LEN, 2}, MED_STR("de")));
	ck_assert_int_eq(txn->work->datagram.s[MED_TXN_COOKIE_LEN - 1], ' ');
	/* not sent yet: nothing can be answered */
	ck_assert_ptr_null(med_txn_by_cookie(txns, cookie_of(txn)));
	med_txn_move(txns, txn, MED_TXN_WAITING, 10);
	ck_assert_ptr_eq(med_txn_by_cookie(txns, cookie_of(txn)), txn);
	memcpy(old, txn->work->datagram.s, sizeof(old));
	med_txn_stamp(txns, txn, (char *)txn->work->datagram.s);
	ck_assert_ptr_null(med_txn_by_cookie(txns, (med_str_t){old, MED_TXN_COOKIE_LEN - 1}));
	ck_assert_ptr_eq(med_txn_by_cookie(txns, cookie_of(txn)), txn);
	for(i = 0; i < MED_TXN_COOKIE_LEN - 1; i++) {
		memcpy(bent, txn->work->datagram.s, sizeof(bent));
		bent[i] = 'z';
		ck_assert_ptr_null(med_txn_by_cookie(txns, (med_str_t){bent, sizeof(bent) - 1}));
		ck_assert_ptr_null(
				med_txn_by_cookie(txns, (med_str_t){txn->work->datagram.s, i}));
	}
	med_txn_move(txns, txn, MED_TXN_LATE, 10);
	ck_assert_ptr_eq(med_txn_by_cookie(txns, cookie_of(txn)), txn);
	med_txn_move(txns, txn, MED_TXN_DONE, 10);
	ck_assert_ptr_null(med_txn_by_cookie(txns, cookie_of(txn)));
	med_txns_free(txns);
}
END_TEST

START_TEST(by_client_and_cookie)
{
	med_sockaddr_t other;
	med_txn_t *txn;

	setup();
	ck_assert_int_eq(med_sockaddr_parse("127.0.0.1:5001", &other, &err), MED_EOK);
	txn = take("12_1");
	ck_assert_ptr_eq(find(&client, MED_STR("12_1")), txn);
	ck_assert_ptr_null(find(&other, MED_STR("12_1")));
	ck_assert_ptr_null(find(&client, MED_STR("12_2")));
	med_txn_move(txns, txn, MED_TXN_FREE, 0);
	ck_assert_ptr_null(find(&client, MED_STR("12_1")));
	med_txns_free(txns);
}
END_TEST

START_TEST(in_order_of_time)
{
	static const int64_t due[] = {50, 10, 30, 10, 70, 20};
	int64_t last = 0;
	med_txn_t *txn;
	size_t i;

	setup();
	for(i = 0; i < COUNT(due); i++)
		med_txn_move(txns, take("x"), MED_TXN_WAITING, due[i]);
	for(i = 0; i < COUNT(due); i++) {
		txn = med_txn_first(txns, MED_TXN_WAITING);
		ck_assert_ptr_nonnull(txn);
		ck_assert_int_ge(txn->due_ms, last);
		last = txn->due_ms;
		med_txn_move(txns, txn, MED_TXN_DONE, 100);
	}
	ck_assert_ptr_null(med_txn_first(txns, MED_TXN_WAITING));
	ck_assert_ptr_nonnull(med_txn_first(txns, MED_TXN_DONE));
	med_txns_free(txns);
}
END_TEST

START_TEST(the_pool_ends)
{
	med_txn_t *first, *txn = NULL;
	char cookie[16];
	int i;

	setup();
	first = take("first");
	med_txn_move(txns, first, MED_TXN_DONE, 1);
	for(i = 0; i < MED_TXN_COUNT - 1; i++) {
		snprintf(cookie, sizeof(cookie), "c%d", i);
		txn = take(cookie);
		ck_assert_ptr_nonnull(txn);
		med_txn_move(txns, txn, MED_TXN_WAITING, 100);
	}
	ck_assert_ptr_eq(find(&client, MED_STR("first")), first);
	/* what is only kept for a repeated cookie makes room ... */
	txn = take("next");
	ck_assert_ptr_eq(txn, first);
	ck_assert_ptr_null(find(&client, MED_STR("first")));
	med_txn_move(txns, txn, MED_TXN_WAITING, 100);
	/* ... what is under way does not */
	ck_assert_ptr_null(med_txn_take(txns));
	med_txn_move(txns, med_txn_first(txns, MED_TXN_WAITING), MED_TXN_LATE, 100);
	ck_assert_ptr_nonnull(take("again"));
	med_txns_free(txns);
}
END_TEST

START_TEST(addresses)
{
	static const struct {
		const char *text;
		bool ok;
	} row[] = {{"127.0.0.1:1", true}, {"[::1]:65535", true}, {"127.0.0.1", false},
			{"127.0.0.1:0", false}, {"127.0.0.1:65536", false}, {"127.0.0.1:1x", false},
			{"::1:1", false}, {"[::1]", false}, {"localhost:1", false}, {":1", false},
			{"", false}, {"127.0.0.1:", false}, {"127.0.0.1: 1", false}};
	static const struct {
		const char *network, *address;
		bool in;
	} acl[] = {{"127.0.0.0/8", "127.1.2.3:1", true},
			{"127.0.0.0/8", "128.0.0.1:1", false}, {"10.1.2.3", "10.1.2.3:1", true},
			{"10.1.2.3", "10.1.2.2:1", false}, {"10.0.0.128/25", "10.0.0.127:1", false},
			{"10.0.0.128/25", "10.0.0.200:1", true}, {"0.0.0.0/0", "1.2.3.4:1", true},
			{"0.0.0.0/0", "[::1]:1", false}, {"::1", "[::1]:1", true},
			{"2001:db8::/33", "[2001:db8:8000::1]:1", false}};
	static const char *const bad[] = {
			"", "x", "1.2.3.4/33", "::1/129", "1.2.3.4/", "1.2.3.4/x"};
	char text[64];
	med_network_t network;
	med_sockaddr_t address;
	size_t i;

	for(i = 0; i < COUNT(row); i++) {
		ck_assert_msg(
				(med_sockaddr_parse(row[i].text, &address, &err) == MED_EOK) == row[i].ok,
				"'%s'", row[i].text);
		if(row[i].ok) {
			med_sockaddr_print(&address, text, sizeof(text));
			ck_assert_str_eq(text, row[i].text);
		}
	}
	for(i = 0; i < COUNT(acl); i++) {
		ck_assert_int_eq(med_network_parse(acl[i].network, &network, &err), MED_EOK);
		ck_assert_int_eq(med_sockaddr_parse(acl[i].address, &address, &err), MED_EOK);
		ck_assert_msg(med_network_has(&network, &address) == acl[i].in, "%s in %s",
				acl[i].address, acl[i].network);
	}
	for(i = 0; i < COUNT(bad); i++)
		ck_assert_msg(
				med_network_parse(bad[i], &network, &err) != MED_EOK, "'%s'", bad[i]);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {upstream_cookies, by_client_and_cookie, in_order_of_time,
			the_pool_ends, addresses};

	return plugin_run("ng txn", tests, COUNT(tests));
}
