/**
 * t_ng_calls.c - what the listener remembers, and that it is bounded
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "plugin_test.h"

#include "rtpengine-plugin/calls.h"

static med_calls_t *calls;
static char name[32];

static med_str_t id(unsigned int number)
{
	return (med_str_t){name, (size_t)snprintf(name, sizeof(name), "call-%u", number)};
}

START_TEST(found_and_forgotten)
{
	med_call_t *call;

	calls = med_calls_new(100, 1000);
	ck_assert_ptr_nonnull(calls);
	ck_assert_ptr_null(med_calls_find(calls, id(1), 0));
	call = med_calls_add(calls, id(1), 3, 0);
	ck_assert_ptr_nonnull(call);
	ck_assert_ptr_eq(med_calls_add(calls, id(1), 5, 0), call);
	ck_assert_ptr_eq(med_calls_find(calls, id(1), 0), call);
	ck_assert_uint_eq(call->node, 3);
	ck_assert_ptr_null(med_calls_find(calls, id(11), 0));
	med_calls_remove(calls, call);
	ck_assert_ptr_null(med_calls_find(calls, id(1), 0));
	ck_assert_uint_eq(med_calls_count(calls), 0);
	med_calls_free(calls);
	med_calls_free(NULL);
}
END_TEST

START_TEST(full_forgets_the_longest_unused)
{
	unsigned int i;

	calls = med_calls_new(100, 1000);
	for(i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(med_calls_add(calls, id(i), 0, i));
	ck_assert_ptr_nonnull(med_calls_find(calls, id(0), 200));
	ck_assert_ptr_nonnull(med_calls_add(calls, id(100), 0, 201));
	ck_assert_uint_eq(med_calls_count(calls), 100);
	ck_assert_ptr_nonnull(med_calls_find(calls, id(0), 202));
	ck_assert_ptr_null(med_calls_find(calls, id(1), 202));
	ck_assert_ptr_nonnull(med_calls_find(calls, id(2), 202));
	for(i = 1000; i < 11000; i++)
		ck_assert_ptr_nonnull(med_calls_add(calls, id(i), 0, 300));
	ck_assert_uint_eq(med_calls_count(calls), 100);
	med_calls_free(calls);
}
END_TEST

START_TEST(age)
{
	unsigned int i;

	calls = med_calls_new(1000, 1000);
	for(i = 0; i < 200; i++)
		med_calls_add(calls, id(i), 0, i < 100 ? 0 : 500);
	med_calls_expire(calls, 1000);
	ck_assert_uint_eq(med_calls_count(calls), 200);
	for(i = 0; i < 4; i++)
		med_calls_expire(calls, 1001);
	ck_assert_uint_eq(med_calls_count(calls), 100);
	ck_assert_ptr_null(med_calls_find(calls, id(0), 1001));
	ck_assert_ptr_nonnull(med_calls_find(calls, id(100), 1001));
	med_calls_free(calls);
}
END_TEST

START_TEST(branches)
{
	med_str_t none = {NULL, 0};
	med_branch_t *a, *b, *c;
	med_call_t *call;
	char branch[16];
	int i;

	calls = med_calls_new(16, 1000);
	call = med_calls_add(calls, id(1), 0, 0);
	a = med_call_branch_add(call, MED_STR("A"), MED_STR("b1"));
	b = med_call_branch_add(call, MED_STR("A"), MED_STR("b2"));
	c = med_call_branch_add(call, MED_STR("X"), none);
	ck_assert(a && b && c);
	ck_assert_ptr_eq(med_call_branch_add(call, MED_STR("A"), MED_STR("b1")), a);
	ck_assert_ptr_eq(med_call_branch(call, MED_STR("A"), MED_STR("b1")), a);
	/* none named: the newest of that tag; a name that is not there is nobody's */
	ck_assert_ptr_eq(med_call_branch(call, MED_STR("A"), none), b);
	ck_assert_ptr_null(med_call_branch(call, MED_STR("A"), MED_STR("b9")));
	ck_assert_ptr_null(med_call_branch_exact(call, MED_STR("A"), MED_STR("b9")));
	ck_assert_ptr_eq(med_call_branch(call, MED_STR("X"), none), c);
	ck_assert_ptr_null(med_call_branch(call, MED_STR("Z"), none));
	med_call_branch_remove(call, b);
	ck_assert_ptr_eq(med_call_branch(call, MED_STR("A"), none), a);
	call->whole = true;
	for(i = 0; i < 100; i++) {
		if(i == MED_CALL_MAX_BRANCHES - 2)
			ck_assert(call->whole);
		snprintf(branch, sizeof(branch), "n%d", i);
		ck_assert_ptr_nonnull(med_call_branch_add(call, MED_STR("A"), med_str(branch)));
	}
	for(i = 0, a = call->branches; a; a = a->next)
		i++;
	ck_assert_int_eq(i, MED_CALL_MAX_BRANCHES);
	ck_assert_msg(!call->whole, "branches were forgotten");
	ck_assert_ptr_nonnull(med_call_branch_exact(call, MED_STR("A"), MED_STR("n99")));
	med_calls_free(calls);
}
END_TEST

/** A command that is kept to be said again: whole, or not at all. */
START_TEST(said)
{
	static char longest[MED_SAID_MAX + 1];
	med_said_t kept = {NULL, 0};

	med_said_keep(&kept, "d1:a1:be", 8);
	ck_assert(med_str_eq((med_str_t){kept.s, kept.len}, MED_STR("d1:a1:be")));
	med_said_keep(&kept, longest, MED_SAID_MAX);
	ck_assert_uint_eq(kept.len, MED_SAID_MAX);
	med_said_keep(&kept, longest, MED_SAID_MAX + 1);
	ck_assert_ptr_null(kept.s);
	med_said_keep(&kept, "x", 1);
	med_said_keep(&kept, NULL, 0);
	ck_assert_ptr_null(kept.s);
	ck_assert_uint_eq(kept.len, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
			said, found_and_forgotten, full_forgets_the_longest_unused, age, branches};

	return plugin_run("ng calls", tests, COUNT(tests));
}
