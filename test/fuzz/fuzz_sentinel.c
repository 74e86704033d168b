/**
 * fuzz_sentinel.c - sentinels' replies, and the master's role, as a liar would send them
 *
 * The first byte of the input picks the command whose answer is odd, the second who gives
 * it and whether it is torn; the rest are the bytes. The store must neither crash nor
 * tell the password, and be live again once all behave.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>

#include "test/lib/fake_redis.h"
#include "test/lib/store_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const commands[] = {"AUTH", "SENTINEL MASTER",
		"SENTINEL GET-MASTER-ADDR-BY-NAME", "ROLE", "SET", "GETRANGE"};

static fake_redis_t redis, sentinel[2];

static void run_for(med_store_t *store, int64_t *now, int64_t ms)
{
	for(int64_t end = *now + ms; *now < end;) {
		bool busy;
		med_store_run(store, *now);
		busy = fake_run(&redis);
		for(int i = 0; i < 2; i++)
			busy |= fake_run(&sentinel[i]);
		if(!busy)
			*now += 100;
	}
}

/** 0: behaves. */
static void odd(fake_redis_t *fake, const uint8_t *data, size_t size, unsigned times)
{
	fake->odd = commands[data[0] % (sizeof commands / sizeof *commands)];
	fake->bytes = (const char *)data + 2;
	fake->bytes_len = size - 2;
	fake->torn = (data[1] & 1) != 0;
	fake->close = (data[1] & 2) != 0;
	fake->odd_left = times;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static store_view_t view;
	med_store_t *store;
	unsigned port, ports[2];
	char url[200];
	int64_t now = 1000;

	if(size < 2)
		return 0;
	if(!view.told)
		view_init(&view);
	view.told_count = view.committed_count = 0;
	view.all_texts[0] = view.text[0] = '\0';
	view.in_full = false;
	view.state = MED_STORE_DOWN;
	port = fake_start_tcp(&redis);
	for(int i = 0; i < 2; i++) {
		ports[i] = fake_start_tcp(&sentinel[i]);
		sentinel[i].master_port = port;
		sentinel[i].epoch = 1;
	}
	snprintf(url, sizeof url,
			"sentinel://:sesame-open@127.0.0.1:%u,127.0.0.1:%u/"
			"m?sentinel_password=sesame-open",
			ports[0], ports[1]);
	store = view_store(&view, url);
	if(data[1] & 4) /* once it is live */
		run_for(store, &now, 600);
	for(int i = 0; i < 2; i++)
		if(data[1] & (8 << i))
			odd(&sentinel[i], data, size, 3);
	if(data[1] & 32)
		odd(&redis, data, size, 3);
	med_store_write(store, "medrun:1:x", MED_STR("v"), 10);
	run_for(store, &now, 8000);
	redis.odd_left = sentinel[0].odd_left = sentinel[1].odd_left = 0;
	run_for(store, &now, 15000);
	if(view.state != MED_STORE_LIVE || strstr(view.all_texts, "sesame-open"))
		abort();
	med_store_free(store);
	fake_stop(&redis);
	for(int i = 0; i < 2; i++)
		fake_stop(&sentinel[i]);
	return 0;
}
