/**
 * t_bencode.c - ng datagrams, read within bounds and written back
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include <stdlib.h>

#include "rtpengine-plugin/ng.h"

static med_ng_dict_t dict;
static med_errbuf_t err;

START_TEST(cookie_and_body)
{
	char longest[MED_NG_MAX_COOKIE + 8];
	med_str_t cookie, body;

	ck_assert_int_eq(med_ng_split(MED_STR("12_3 de"), &cookie, &body), MED_EOK);
	ck_assert(med_str_eq(cookie, MED_STR("12_3")));
	ck_assert(med_str_eq(body, MED_STR("de")));
	ck_assert_int_eq(med_ng_split(MED_STR(" de"), &cookie, &body), MED_EINVAL);
	ck_assert_int_eq(med_ng_split(MED_STR("12"), &cookie, &body), MED_EINVAL);
	ck_assert_int_eq(med_ng_split(MED_STR("12 "), &cookie, &body), MED_EINVAL);
	ck_assert_int_eq(med_ng_split(MED_STR(""), &cookie, &body), MED_EINVAL);
	memset(longest, 'c', sizeof(longest));
	memcpy(longest + MED_NG_MAX_COOKIE, " de", 3);
	ck_assert_int_eq(
			med_ng_split((med_str_t){longest, MED_NG_MAX_COOKIE + 3}, &cookie, &body),
			MED_EOK);
	memcpy(longest + MED_NG_MAX_COOKIE, "c de", 4);
	ck_assert_int_eq(
			med_ng_split((med_str_t){longest, MED_NG_MAX_COOKIE + 4}, &cookie, &body),
			MED_EINVAL);
}
END_TEST

START_TEST(good_and_bad)
{
	static const struct {
		const char *text;
		int rc;
		size_t keys;
	} row[] = {
			/* clang-format off */
		{"de", MED_EOK, 0},
		{"d3:one3:two2:iti-12ee", MED_EOK, 2},
		{"d1:ali1ei2el1:xed1:yi3eeee", MED_EOK, 1},
		{"d1:a0:e", MED_EOK, 1},
		{"d0:0:e", MED_EOK, 1},
		{"d1:ade1:blee", MED_EOK, 2},
		{"d1:ad1:bd1:c1:de1:eli1eed1:fi2ee1:glee1:h1:iee", MED_EINVAL, 0},
		{"d1:ad1:bd1:c1:de1:eli1ee1:fd1:gi2ee1:hlee1:i1:je", MED_EOK, 2},
		{"d1:ad1:bde1:cleee", MED_EOK, 1},
		{"d1:ald1:bi1eed1:cleeee", MED_EOK, 1},
		{"", MED_EINVAL, 0},
		{"d", MED_EINVAL, 0},
		{"le", MED_EINVAL, 0},
		{"i1e", MED_EINVAL, 0},
		{"dee", MED_EINVAL, 0},
		{"d1:ae", MED_EINVAL, 0},
		{"d1:a", MED_EINVAL, 0},
		{"di1e1:ae", MED_EINVAL, 0},
		{"d1:a9:short", MED_EINVAL, 0},
		{"d1:a99999999999999999999:x", MED_EINVAL, 0},
		{"d1:a-1:xe", MED_EINVAL, 0},
		{"d1:aie", MED_EINVAL, 0},
		{"d1:ai-ee", MED_EINVAL, 0},
		{"d1:ai1", MED_EINVAL, 0},
		{"d1:ai1x", MED_EINVAL, 0},
		{"d1:al", MED_EINVAL, 0},
		{"d1:ali1e", MED_EINVAL, 0},
		{"d1:adi1e1:xee", MED_EINVAL, 0},
		{"d1:ad1:xee", MED_EINVAL, 0},
		{"d1:adle1:xee", MED_EINVAL, 0},
		{"d1:axe", MED_EINVAL, 0},
		{"d1a1:be", MED_EINVAL, 0},
			/* clang-format on */
	};
	size_t i;
	int rc;

	for(i = 0; i < COUNT(row); i++) {
		/* on the heap, so that the sanitiser sees one byte too far */
		size_t len = strlen(row[i].text);
		char *copy = malloc(len + (len == 0));

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, row[i].text, len);
		rc = med_ng_decode((med_str_t){copy, len}, &dict, &err);
		ck_assert_msg(
				rc == row[i].rc, "'%s': expected %d, got %d", row[i].text, row[i].rc, rc);
		if(rc == MED_EOK)
			ck_assert_msg(
					dict.count == row[i].keys, "'%s': %zu keys", row[i].text, dict.count);
		free(copy);
	}
}
END_TEST

START_TEST(bounds)
{
	static char text[65536];
	size_t at, i;

	for(i = 0; i <= MED_NG_MAX_DEPTH; i++) {
		at = (size_t)snprintf(text, sizeof(text), "d1:a");
		memset(text + at, 'l', i);
		memset(text + at + i, 'e', i + 1);
		at += 2 * i + 1;
		if(!i)
			continue;
		ck_assert_int_eq(med_ng_decode((med_str_t){text, at}, &dict, &err),
				i <= MED_NG_MAX_DEPTH ? MED_EOK : MED_ELIMIT);
	}
	at = (size_t)snprintf(text, sizeof(text), "d1:a");
	memset(text + at, 'l', 30000);
	ck_assert_int_eq(
			med_ng_decode((med_str_t){text, at + 30000}, &dict, &err), MED_ELIMIT);
	at = (size_t)snprintf(text, sizeof(text), "d1:al");
	for(i = 0; i < MED_NG_MAX_ITEMS; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "i1e");
	at += (size_t)snprintf(text + at, sizeof(text) - at, "ee");
	ck_assert_int_eq(med_ng_decode((med_str_t){text, at}, &dict, &err), MED_ELIMIT);
	for(i = 0, text[0] = 'd', at = 1; i < MED_NG_MAX_KEYS; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "1:a1:b");
	text[at] = 'e';
	ck_assert_int_eq(med_ng_decode((med_str_t){text, at + 1}, &dict, &err), MED_EOK);
	at += (size_t)snprintf(text + at, sizeof(text) - at, "1:a1:be");
	ck_assert_int_eq(med_ng_decode((med_str_t){text, at}, &dict, &err), MED_ELIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "keys"));
}
END_TEST

START_TEST(command_view)
{
	med_ng_command_view_t view;

	ck_assert_int_eq(
			med_ng_command_decode(
					MED_STR("d7:call-id2:id8:from-tag1:f6:to-tag1:t10:via-branch1:v"
							"3:sdp4:v=0\n8:med-from5:a/any6:med-to3:b/c7:command5:offer"
							"8:from-tag1:2e"),
					&view, &err),
			MED_EOK);
	ck_assert_int_eq(view.command, MED_NG_OFFER);
	ck_assert(view.keyed && !view.hello);
	ck_assert(med_str_eq(view.call_id, MED_STR("id")));
	ck_assert(med_str_eq(view.from_tag, MED_STR("f")));
	ck_assert(med_str_eq(view.to_tag, MED_STR("t")));
	ck_assert(med_str_eq(view.via_branch, MED_STR("v")));
	ck_assert(med_str_eq(view.sdp, MED_STR("v=0\n")));
	ck_assert_uint_eq(med_ng_count(&view.dict, MED_STR("from-tag")), 2);
	ck_assert_int_eq(
			med_ng_command_decode(
					MED_STR("d7:command4:ping9:med-hello1:17:call-idi5ee"), &view, &err),
			MED_EOK);
	ck_assert(view.hello && !view.keyed && !view.call_id.s);
	ck_assert_int_eq(view.command, MED_NG_PING);
}
END_TEST

START_TEST(writing)
{
	char buffer[64];
	med_ng_out_t out = {.s = buffer, .size = sizeof(buffer)};

	med_ng_put(&out, "d", 1);
	med_ng_put_pair(&out, MED_STR("key"), MED_STR(""));
	med_ng_put_int_pair(&out, MED_STR("n"), 0);
	med_ng_put_int_pair(&out, MED_STR("m"), -120);
	med_ng_put_text(&out, MED_STR("0123456789"));
	med_ng_put(&out, "e", 1);
	ck_assert(!out.overflow);
	ck_assert_msg(med_str_eq((med_str_t){out.s, out.len},
						  MED_STR("d3:key0:1:ni0e1:mi-120e10:0123456789e")),
			"got '%.*s'", (int)out.len, out.s);
	out.size = out.len + 3;
	med_ng_put_text(&out, MED_STR("abc"));
	ck_assert(out.overflow);
	ck_assert_uint_le(out.len, out.size);
	med_ng_put(&out, "", 0);
	ck_assert(out.overflow);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {cookie_and_body, good_and_bad, bounds, command_view, writing};

	return plugin_run("bencode", tests, COUNT(tests));
}
