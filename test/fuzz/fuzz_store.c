/**
 * fuzz_store.c - Redis's replies as a hostile server would send them
 *
 * The first byte of the input picks the command whose answer is odd, the second whether
 * notices come too; the rest are the bytes. The store must neither crash nor tell the
 * password, and be live again once the server behaves.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <stdint.h>

#include "test/lib/fake_redis.h"
#include "test/lib/store_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const commands[] = {"AUTH", "SELECT", "CLIENT ID", "SUBSCRIBE",
		"CLIENT TRACKING", "CLIENT TRACKINGINFO", "SCAN", "HGETALL", "PING", "SET",
		"GETRANGE", "DBSIZE", "INFO", "XADD"};

static void run_for(med_store_t *store, fake_redis_t *fake, int64_t *now, int64_t ms)
{
	for(int64_t end = *now + ms; *now < end;) {
		med_store_run(store, *now);
		if(!fake_run(fake))
			*now += 100;
	}
}

static void notices(fake_redis_t *fake, const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if(!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	fake_notice(fake, text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static store_view_t view;
	static fake_redis_t fake;
	const med_field_t event = {MED_STR("n"), MED_STR("v")};
	char path[100], url[200];
	med_store_t *store;
	int64_t now = 1000;

	if(size < 2)
		return 0;
	if(!view.told)
		view_init(&view);
	view.told_count = view.committed_count = 0;
	view.all_texts[0] = view.text[0] = '\0';
	view.in_full = false;
	snprintf(path, sizeof path, "/tmp/med-fuzz-store-%d.sock", (int)getpid());
	fake_start(&fake, path);
	snprintf(url, sizeof url, "unix://%s?password=sesame-open&db=1", path);
	store = view_store(&view, url);
	if(data[1] & 1) {
		run_for(store, &fake, &now, 300);
		notices(&fake, data + 2, size - 2);
		run_for(store, &fake, &now, 300);
	}
	fake.odd = commands[data[0] % (sizeof commands / sizeof *commands)];
	fake.bytes = (const char *)data + 2;
	fake.bytes_len = size - 2;
	fake.torn = (data[1] & 2) != 0;
	fake.close = (data[1] & 4) != 0;
	fake.odd_left = 3;
	med_store_reload(store);
	med_store_write(store, "medrun:1:x", MED_STR("v"), 10);
	med_store_event(store, "medrun:1:e", &event, 1);
	run_for(store, &fake, &now, 1000);
	fake.odd_left = 0;
	/* A writer that the odd answer may have named is waited for until its key changes. */
	fake_notice(&fake, "*1\r\n$14\r\nmed:1:applying\r\n");
	run_for(store, &fake, &now, 15000);
	if(view.state != MED_STORE_LIVE || strstr(view.all_texts, "sesame-open"))
		abort();
	med_store_free(store);
	fake_stop(&fake);
	return 0;
}
