/**
 * t_ng_keys.c - what rtpengine knows of a call's keys
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include "rtpengine-plugin/keys.h"

#define SAVP "m=audio 4000 RTP/SAVP 8\n"
#define KEY_C "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"
#define SUITE_32(tag) "a=crypto:" #tag " AES_CM_128_HMAC_SHA1_32 inline:" KEY_A "\n"
#define LINE(tag, key) "a=crypto:" #tag " AES_CM_128_HMAC_SHA1_80 inline:" key "\n"

static const med_str_t a = MED_STR("a"), b = MED_STR("b");
static med_keys_t keys;
static med_sdp_t sdp, other;

static const med_sdp_t *parse(med_sdp_t *into, const char *media)
{
	static char buffer[2][1024];
	char *text = buffer[into == &other];

	ck_assert_int_eq(
			med_sdp_parse(plugin_sdp(text, sizeof(buffer[0]), media), into, NULL),
			MED_EOK);
	return into;
}

static void told(med_str_t leg, const char *media)
{
	parse(&sdp, media);
	med_keys_tell(&keys, leg, 0, &sdp.media[0], sdp.media[0].suites);
}

static void swaps(med_str_t leg, const char *media, uint32_t one, uint32_t with)
{
	med_tag_swap_t swap;

	parse(&sdp, media);
	swap = med_keys_swap(&keys, leg, 0, &sdp.media[0], sdp.media[0].suites);
	ck_assert_uint_eq(swap.one, one);
	ck_assert_uint_eq(swap.other, with);
}

START_TEST(tags_that_stay)
{
	swaps(b, SAVP LINE(3, KEY_B), 0, 0);
	told(b, SAVP LINE(1, KEY_B));
	swaps(b, SAVP LINE(1, KEY_B), 0, 0);
	swaps(b, SAVP LINE(3, KEY_B), 3, 1);
	swaps(b, SAVP LINE(3, KEY_A), 3, 1); /* another key of theirs is none of ours */
	swaps(b, SAVP SUITE_32(1) LINE(2, KEY_B), 2, 1);
	swaps(b, SAVP SUITE_32(2), 0, 0);
	swaps(a, SAVP LINE(3, KEY_B), 0, 0);
	told(b, SAVP LINE(2, KEY_B));
	swaps(b, SAVP LINE(3, KEY_B), 3, 2);
}
END_TEST

START_TEST(the_first_ones_are_forgotten)
{
	unsigned i;

	told(b, SAVP LINE(1, KEY_B));
	for(i = 1; i <= MED_KEYS_TOLD; i++)
		med_keys_tell(&keys, b, i, &sdp.media[0], sdp.media[0].suites);
	swaps(b, SAVP LINE(3, KEY_B), 0, 0);
}
END_TEST

/** What is inserted into an offer of a's to b. */
static med_own_key_t own(const char *media, med_tag_swap_t *swap)
{
	*swap = (med_tag_swap_t){0, 0};
	return med_keys_own(&keys, b, parse(&sdp, media), swap);
}

START_TEST(a_key_of_our_own)
{
	med_tag_swap_t swap;
	med_own_key_t key;

	told(b, SAVP LINE(1, KEY_C));
	ck_assert_uint_eq(own(SAVP LINE(1, KEY_A), &swap).tag, 0);
	med_keys_learn(
			&keys, parse(&sdp, SAVP LINE(7, KEY_A)), parse(&other, SAVP LINE(1, KEY_B)));
	key = own(SAVP SUITE_32(1) LINE(2, KEY_A), &swap);
	ck_assert_str_eq(key.key, KEY_B);
	ck_assert_uint_eq(key.behind, 2);
	ck_assert_uint_eq(key.tag, 1);
	ck_assert_uint_eq(swap.one, 1);
	ck_assert_uint_eq(swap.other, 3);
	ck_assert_uint_eq(own(SAVP LINE(1, KEY_C), &swap).tag, 0);
	/* b's own key, which a is given as it is, says nothing of a's */
	med_keys_learn(
			&keys, parse(&sdp, SAVP LINE(1, KEY_C)), parse(&other, SAVP LINE(1, KEY_C)));
	ck_assert_uint_eq(own(SAVP LINE(1, KEY_A), &swap).tag, 1);
	med_keys_learn(
			&keys, parse(&sdp, SAVP LINE(1, KEY_A)), parse(&other, SAVP LINE(1, KEY_A)));
	ck_assert_uint_eq(own(SAVP LINE(1, KEY_A), &swap).tag, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
			tags_that_stay, the_first_ones_are_forgotten, a_key_of_our_own};

	return plugin_run("ng keys", tests, COUNT(tests));
}
